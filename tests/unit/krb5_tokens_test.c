/* SPDX-License-Identifier: MIT
 *
 * Tokens that the Kerberos library made of one context for each encryption type, in both
 * directions and at both levels; signed ones are also made, for nothing in them is random.
 */
#include "frame/data_record.h"
#include "protect/krb5.h"
#include "protect/krb5_keys.h"
#include "support/check.h"

#include <stdio.h>
#include <string.h>

#define TEXT "twenty bytes of text"

static const struct {
    int32_t type;
    const char *key;          /* the acceptor's subkey */
    const char *tokens[2][2]; /* sealed and signed, by initiator and acceptor */
} rows[] = {
    {17,
     "ca3db7dd1c13859ceb9a0e1cfc3bcf29",
     {{"050406ff00000000000000000829682620aa9cbfb9370d70f45a3b95139f79d719646fbe5279f242"
       "2b0eaa3ebe22dffe61e192377ddf7391808109f864728f3c2fad325d86ac5f5d999943abcd55753d",
       "050407ff000000000000000026d6b672c4d569c1bd2a537c7337114ab8faf52e99af34539838840b"
       "02842b506b2b5a53dc698f52a425d55d19013fafd8d2d4db63100d1c26bf99447b40b023672e27c3"},
      {"050404ff000c000000000000082968277477656e7479206279746573206f662074657874d8fa6de6"
       "bad5569af1a56cf9",
       "050405ff000c00000000000026d6b6737477656e7479206279746573206f6620746578747fb1b079"
       "4b425fdb81168635"}}},
    {18,
     "ee88f8ac79691a46ac365893ef26f9ff5e1a75ed352466eac0320e92b0fb7420",
     {{"050406ff000000000000000028ab40567f0fab9ed1925b1b0a128b95038c398c7821d59c3a93a980"
       "6db8078ccf7e38b088cb4ba303408504c2ea17f00cf86f2a9a665749c8c49537adac55b5a9716930",
       "050407ff00000000000000003e21e40d20e7ad8b369c54c8e3c9cde74a565a73fd50724d1fdfa2fe"
       "0e8233fc1adbdba749fd1cf75a4be5d00ae111e2357a003150e97c776f25ba556a85fd2833a288a4"},
      {"050404ff000c00000000000028ab40577477656e7479206279746573206f6620746578746124824b"
       "5db7fe3c9e3f9aac",
       "050405ff000c0000000000003e21e40e7477656e7479206279746573206f66207465787421880f8e"
       "58838b3cba96abdc"}}},
    {19,
     "e28287d0d2c685db7f989c81e519d4c3",
     {{"050406ff00000000000000001c2b7a67ab997527c6e99886a2d9e547d2928671b1e86afe5a4c091b"
       "cf972976bbc3344d8bd9af515ea28a39025a00bb5e11203d0dc2159c59ad03cd4d09cd0ba5f12375"
       "90448f31",
       "050407ff00000000000000000ed70d65c94340a922224b41425f9d796aa33b06843cc8f1bc744074"
       "9d7c66ee925132322ecdbc5baa66391e8c5d9c00e0993e6e8bdc828d5934217edfd930e795b4edfd"
       "17b31c4e"},
      {"050404ff00100000000000001c2b7a687477656e7479206279746573206f6620746578747f369c3b"
       "ede6b8817a71adad4908a8c0",
       "050405ff00100000000000000ed70d667477656e7479206279746573206f662074657874217b201f"
       "8cf0ee3aef3abfae42df2bf1"}}},
    {20,
     "5a94fb0bb70c1b01afbad23fc46087d75fa002514b14b8b74a36a9dfeaf71500",
     {{"050406ff000000000000000030a64cc16d9049fca1a1cddf9f133e95fad2c09084c4460d5cc64ac0"
       "1bc72fc559976c5a9735f6aceaab270564622635d8984ce0c6b5937c8d6dcb7c96fdfb96665a0213"
       "1cc9312bf63416e8e1bf1a9d",
       "050407ff00000000000000000c9058a5c9c0a27c94eff72590459f2d3ca1f8d5a62db6ff0231d859"
       "c0630760f029bb24a872c7fe512ce7a3c6bf420f5af3e43a7fb14e538a732f161f37098591da6ddf"
       "7f5d9eef49598fdba61657ea"},
      {"050404ff001800000000000030a64cc27477656e7479206279746573206f662074657874050cc969"
       "a8af9ddb934a0b40257386c18db2164e01330eeb",
       "050405ff00180000000000000c9058a67477656e7479206279746573206f662074657874ebf164b8"
       "f9b76b0b628833eeb3a4b2d222773cc98f5c18e7"}}},
};

static struct nns__mem mem;

static size_t from_hex(uint8_t *to, const char *hex)
{
    size_t n = 0;
    unsigned byte;

    for (; *hex != '\0'; hex += 2) {
        assert_int_equal(sscanf(hex, "%2x", &byte), 1);
        to[n++] = (uint8_t)byte;
    }
    return n;
}

/* Of one side, whose next token sent and received has this number. */
static struct nns__protection protect(size_t row, bool conf, bool initiator, uint64_t sequence)
{
    struct nns__krb5_context context = {.enctype = nns__enctype_find(rows[row].type),
                                        .initiator = initiator,
                                        .acceptor_subkey = true,
                                        .conf = conf,
                                        .send_sequence = sequence,
                                        .receive_sequence = sequence};
    struct nns__protection p = {0};
    struct nns__failure f;

    assert_int_equal(from_hex(context.key, rows[row].key), context.enctype->key_size);
    assert_int_equal(nns__protect_krb5_new(&p, &mem, &context, &f), NNS_OK);
    return p;
}

static void check_opened(const struct nns__protection *p, const uint8_t *record)
{
    struct nns__plain plain = {0};
    struct nns__failure f;
    uint8_t copy[200];

    memcpy(copy, record, sizeof(copy));
    if (p->opener->ops->open(p->opener, copy, 1, &plain, &f) != 1)
        fail_msg("%s", f.message);
    assert_int_equal(plain.size, strlen(TEXT));
    assert_memory_equal(plain.data, TEXT, plain.size);
}

static void check_made(const struct nns__protection *p, const uint8_t *record, size_t size)
{
    uint8_t slot[200] = {0};
    struct nns__failure f;

    memcpy(slot + NNS__RECORD_HEADER + p->sealer->head, TEXT, strlen(TEXT));
    assert_int_equal(
        p->sealer->ops->seal(p->sealer, slot, sizeof(slot), 1, strlen(TEXT), strlen(TEXT), &f),
        size);
    assert_memory_equal(slot, record, size);
}

static void test_tokens_of_the_library(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows) * 4; i++) {
        bool conf = (i & 2) == 0, by_acceptor = (i & 1) != 0;
        uint8_t record[200] = {0};
        size_t size = from_hex(record + NNS__RECORD_HEADER, rows[i / 4].tokens[!conf][by_acceptor]);
        uint64_t sequence = nns__load_be64(record + NNS__RECORD_HEADER + 8);
        struct nns__protection receiver = protect(i / 4, conf, by_acceptor, sequence);
        struct nns__protection sender = protect(i / 4, conf, !by_acceptor, sequence);

        nns__store_le32(record, (uint32_t)size);
        check_opened(&receiver, record);
        if (!conf)
            check_made(&sender, record, NNS__RECORD_HEADER + size);
        nns__protection_free(&receiver);
        nns__protection_free(&sender);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tokens_of_the_library)};

    if (nns__mem_init(&mem, NULL) != NNS_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
