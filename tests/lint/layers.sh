#!/bin/sh
# The arrows of the gateway: rooms include downwards only, a vendor's header stands behind its one
# door, and what is internal stays inside its room. Prints one line per finding.
# usage: tests/lint/layers.sh [GATEWAY_FOLDER]
set -eu
cd "${1:-$(dirname "$0")/../../gateway}"

find . -name '*.[ch]' | sort | xargs awk '
    BEGIN {
        count = split("base io store core http api", storeys)
        for (i = 1; i <= count; i++)
            rank[storeys[i]] = i
        door["sqlite3.h"] = "./store/store_internal.h"
        door["cjson/cJSON.h"] = "./base/json.c"
        door["cJSON.h"] = "nowhere: write cjson/cJSON.h"
        door["microhttpd.h"] = "./http/exchange_mhd.h"
        door["libwebsockets.h"] = "./http/ws.c"
        door["uv.h"] = "./io/loop.c"
    }
    function complain(text) {
        print "gateway/" substr(FILENAME, 3) ":" FNR ": " text
        bad = 1
    }
    FNR == 1 { split(FILENAME, here, "/") }
    /^[ \t]*#[ \t]*include[ \t]*"/ {
        split($0, quoted, "\"")
        target = quoted[2]
        split(target, to, "/")
        if (target !~ /\//)
            complain("write the room in \"" target "\"")
        else if (!(to[1] in rank))
            complain("there is no room " to[1] "/")
        else if ((here[2] in rank) && rank[to[1]] > rank[here[2]])
            complain(here[2] "/ reaches up to " target)
        if (target ~ /_internal\.h$/ && to[1] != here[2])
            complain(target " is internal to " to[1] "/")
    }
    /^[ \t]*#[ \t]*include[ \t]*</ {
        split($0, parts, /[<>]/)
        target = parts[2]
        if ((target in door) && FILENAME != door[target])
            complain("<" target "> belongs in " door[target])
    }
    END { exit bad }'
