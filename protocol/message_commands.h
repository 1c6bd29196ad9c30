/* Fields of grammars, commands and hypotheses, for message_parse.c and message_print.c; stamps and
 * words are theirs. */
#ifndef HEARD_PROTOCOL_MESSAGE_COMMANDS_H
#define HEARD_PROTOCOL_MESSAGE_COMMANDS_H

#include "protocol/message.h"
#include "protocol/message_reader.h"

void parse_grammar(struct message_reader *reader, struct message_grammar *out);
void parse_command(struct message_reader *reader, struct message_command *out);
void parse_no_match(struct message_reader *reader, struct message_no_match *out);
void parse_nbest(struct message_reader *reader, struct message_nbest *out);

void print_grammar(struct json_object *json, const struct message_grammar *value);
void print_command(struct json_object *json, const struct message_command *value);
void print_no_match(struct json_object *json, const struct message_no_match *value);
void print_nbest(struct json_object *json, const struct message_nbest *value);

#endif
