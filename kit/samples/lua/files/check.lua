-- SPDX-License-Identifier: MIT
-- What a program may expect of Lua, on this machine: numbers, strings, closures, coroutines, errors, garbage, files, time.

local function fibonacci(n) return n < 2 and n or fibonacci(n - 1) + fibonacci(n - 2) end
assert(fibonacci(20) == 6765)
assert(1 << 40 == 1099511627776 and 7 // 2 == 3 and 2 ^ 0.5 > 1.41421 and math.tointeger(3.0) == 3)
assert(string.format("%5.2f|%x|%q", 3.14159, 255, "a\nb") == ' 3.14|ff|"a\\\nb"')
assert(("one two three"):gsub("%w+", string.upper) == "ONE TWO THREE")
assert(utf8.len("りょかん") == 4)

local squares = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i * i) end end)
assert(squares() == 1 and squares() == 4 and squares() == 9)
local good, message = pcall(error, { code = 42 })
assert(not good and message.code == 42)
assert(select("#", table.unpack({}, 1, 100)) == 100)

local words = {}
for i = 1, 5000 do words[i] = string.rep("x", i % 50) .. i end
table.sort(words, function(a, b) return a > b end)
for i = 2, #words do assert(words[i - 1] >= words[i]) end
words = nil
collectgarbage()
assert(collectgarbage("count") < 1000)

local path = "/tmp/check.txt"
local file <close> = assert(io.open(path, "w"))
for i = 1, 1000 do file:write(i, "\n") end
file:close()
local sum = 0
for line in io.lines(path) do sum = sum + tonumber(line) end
assert(sum == 500500)
assert(os.rename(path, path .. ".old") and not io.open(path) and os.remove(path .. ".old"))
assert(select(2, io.open("/nowhere/x")):find("No such file"))
assert(os.time() > 1600000000 and os.clock() > 0 and os.getenv("COLOUR") == "green")
print("lua: all checks passed")
