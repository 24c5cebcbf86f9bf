#include "http/proxy_head.h"

#include "check.h"

static void knows_hop_by_hop_headers(void)
{
    CHECK(header_is_hop("connection", NULL) && header_is_hop("TE", NULL));
    CHECK(header_is_hop("Transfer-Encoding", NULL) && header_is_hop("Upgrade", "close"));
    CHECK(!header_is_hop("X-Own", NULL) && !header_is_hop("Content-Length", "keep-alive"));
    CHECK(header_is_hop("X-Own", "close, x-own"));
}

int main(void)
{
    RUN(knows_hop_by_hop_headers);
    return CHECK_DONE();
}
