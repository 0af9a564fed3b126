-- SPDX-License-Identifier: MIT
-- What a program may expect of SQLite, on this machine. Each line of the output is a check; a wrong one says `wrong`.

.bail on
.headers off
create table item(id integer primary key, name text not null unique, price real check(price >= 0));
create index item_price on item(price);
begin;
with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000)
    insert into item select i, 'item ' || i, i * 0.5 from n;
commit;
select 'insert ' || iif(count(*) = 5000 and sum(id) = 12502500, 'ok', 'wrong') from item;
select 'index ' || iif(count(*) = 11, 'ok', 'wrong') from item where price between 100 and 105;
begin;
delete from item;
rollback;
select 'rollback ' || iif(count(*) = 5000, 'ok', 'wrong') from item;
savepoint a;
update item set price = 0 where id <= 10;
savepoint b;
delete from item where id > 10;
rollback to b;
release a;
select 'savepoint ' || iif(count(*) = 5000 and sum(price = 0) = 10, 'ok', 'wrong') from item;
insert or ignore into item values(1, 'item 1', 1), (5001, 'item 5001', 1);
select 'conflict ' || iif(count(*) = 5001, 'ok', 'wrong') from item;
select 'window ' || iif(max(rank) = 5001, 'ok', 'wrong') from (select rank() over (order by id) as rank from item);
select 'json ' || iif(json_extract('{"a":[1,{"b":7}]}', '$.a[1].b') = 7, 'ok', 'wrong');
select 'join ' || iif(count(*) = 2500, 'ok', 'wrong') from item a join item b on b.id = a.id * 2;
select 'time ' || iif(julianday('now') > 2459000, 'ok', 'wrong');
delete from item where id % 3;
vacuum;
select 'vacuum ' || iif(count(*) = 1667, 'ok', 'wrong') from item;
pragma integrity_check;
select 'sqlite: all checks passed';
