#include "core/tool_list.h"

#include "base/mem.h"

const char *const known_pythons[] = {"python3",    "python",     "python3.15", "python3.14",
                                     "python3.13", "python3.12", "python3.11", "python3.10",
                                     "python3.9",  NULL};
const char *const known_nodes[] = {"node", "nodejs", NULL};

static const struct known_tool languages[] = {
    {"pip3", "installs Python packages", NULL},
    {"uv", "installs Python packages and interpreters", "--version"},
    {"npm", "installs Node.js packages", NULL},
    {"pnpm", "installs Node.js packages", NULL},
    {"gcc", "C compiler", "--version"},
    {"clang", "C and C++ compiler", "--version"},
    {"make", "runs build rules", "--version"},
    {"go", "Go compiler", "version"},
    {"cargo", "builds Rust programs", "--version"},
    {"java", "Java runtime", "-version"},
    {"ruby", "Ruby interpreter", "--version"},
    {"perl", "Perl interpreter", NULL},
};
static const struct known_tool versioning[] = {
    {"git", "version control", "--version"},
    {"gh", "GitHub from the command line", "--version"},
};
static const struct known_tool shells[] = {
    {"bash", "the shell commands run in", "--version"},
    {"zsh", "Z shell", NULL},
    {"tmux", "terminals that outlive their viewer", "-V"},
    {"sudo", "runs a command as another user", NULL},
};
static const struct known_tool editors[] = {
    {"vim", "editor", NULL},
    {"vi", "editor", NULL},
    {"nano", "editor", NULL},
    {"emacs", "editor", NULL},
};
static const struct known_tool search[] = {
    {"rg", "searches file contents", "--version"}, {"grep", "searches file contents", NULL},
    {"fd", "finds files by name", NULL},           {"find", "finds files", NULL},
    {"tree", "draws a folder as a tree", NULL},
};
static const struct known_tool text[] = {
    {"jq", "reads and rewrites JSON", "--version"}, {"sed", "edits streams of text", NULL},
    {"awk", "processes text by fields", NULL},      {"patch", "applies diffs", NULL},
    {"pandoc", "converts documents", NULL},
};
static const struct known_tool archives[] = {
    {"tar", "archives", NULL},
    {"zip", "makes ZIP archives", NULL},
    {"unzip", "unpacks ZIP archives", NULL},
    {"xz", "compresses", NULL},
    {"rsync", "copies trees", NULL},
    {"file", "tells what a file holds", NULL},
};
static const struct known_tool network[] = {
    {"curl", "transfers by URL", "--version"},
    {"wget", "downloads", NULL},
    {"ssh", "remote shells", NULL},
    {"ping", "tests whether a host answers", NULL},
    {"ip", "shows network addresses and routes", NULL},
    {"ss", "lists sockets", NULL},
    {"nc", "raw connections", NULL},
    {"dig", "asks name servers", NULL},
};
static const struct known_tool system_tools[] = {
    {"ps", "lists processes", NULL},         {"top", "watches processes", NULL},
    {"htop", "watches processes", NULL},     {"lsof", "lists open files", NULL},
    {"strace", "traces system calls", NULL}, {"gdb", "debugger", NULL},
};
static const struct known_tool databases[] = {
    {"sqlite3", "SQLite shell", "--version"},
    {"psql", "PostgreSQL client", "--version"},
    {"redis-cli", "Redis client", NULL},
};
static const struct known_tool media[] = {
    {"ffmpeg", "converts audio and video", "-version"},
    {"convert", "converts images", NULL},
    {"yt-dlp", "downloads audio and video", NULL},
};
static const struct known_tool browsers[] = {
    {"chromium", "web browser", NULL},
    {"google-chrome", "web browser", NULL},
    {"firefox", "web browser", NULL},
};

const struct known_category known_categories[] = {
    {"Languages and builds", languages, COUNT_OF(languages)},
    {"Version control", versioning, COUNT_OF(versioning)},
    {"Shells", shells, COUNT_OF(shells)},
    {"Editors", editors, COUNT_OF(editors)},
    {"Search", search, COUNT_OF(search)},
    {"Text", text, COUNT_OF(text)},
    {"Archives and files", archives, COUNT_OF(archives)},
    {"Network", network, COUNT_OF(network)},
    {"System", system_tools, COUNT_OF(system_tools)},
    {"Databases", databases, COUNT_OF(databases)},
    {"Media", media, COUNT_OF(media)},
    {"Browsers", browsers, COUNT_OF(browsers)},
};
const size_t known_category_count = COUNT_OF(known_categories);
