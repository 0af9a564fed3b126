/* SPDX-License-Identifier: MIT */
#include "dom0_tools/shell/line_editor.h"

#include <stdlib.h>
#include <string.h>

void completions_add(struct completions *list, const char *word)
{
    size_t at = list->nr;
    char **grown, *copy;

    while (at > 0 && strcmp(list->word[at - 1], word) > 0)
        at--;
    if (at > 0 && strcmp(list->word[at - 1], word) == 0)
        return;
    copy = strdup(word);
    grown = realloc(list->word, (list->nr + 1) * sizeof(*grown));
    if (grown != NULL)
        list->word = grown;
    if (grown == NULL || copy == NULL) {
        free(copy);
        return;
    }
    memmove(&list->word[at + 1], &list->word[at], (list->nr - at) * sizeof(*list->word));
    list->word[at] = copy;
    list->nr++;
}

void completions_free(struct completions *list)
{
    for (size_t i = 0; i < list->nr; i++)
        free(list->word[i]);
    free(list->word);
    *list = (struct completions){ 0 };
}
