#include "desktop/keynames.h"

#include <X11/XF86keysym.h>
#include <X11/keysym.h>
#include <ctype.h>
#include <string.h>

#include "base/utf8.h"

#define NAME_MAX_LENGTH 24
#define UNICODE_KEYSYM  0x01000000u

struct name {
    const char *name; /* lower case, without blanks, '-' and '_' */
    uint32_t keysym;
};

static const struct name names[] = {
    {"add", XK_KP_Add},
    {"alt", XK_Alt_L},
    {"altgr", XK_ISO_Level3_Shift},
    {"altgraph", XK_ISO_Level3_Shift},
    {"altleft", XK_Alt_L},
    {"altl", XK_Alt_L},
    {"altr", XK_Alt_R},
    {"altright", XK_Alt_R},
    {"apostrophe", XK_apostrophe},
    {"apps", XK_Menu},
    {"arrowdown", XK_Down},
    {"arrowleft", XK_Left},
    {"arrowright", XK_Right},
    {"arrowup", XK_Up},
    {"asterisk", XK_asterisk},
    {"at", XK_at},
    {"backquote", XK_grave},
    {"backslash", XK_backslash},
    {"backspace", XK_BackSpace},
    {"bracketleft", XK_bracketleft},
    {"bracketright", XK_bracketright},
    {"break", XK_Break},
    {"browserback", XF86XK_Back},
    {"browserfavorites", XF86XK_Favorites},
    {"browserforward", XF86XK_Forward},
    {"browserhome", XF86XK_HomePage},
    {"browserrefresh", XF86XK_Refresh},
    {"browsersearch", XF86XK_Search},
    {"browserstop", XF86XK_Stop},
    {"capslock", XK_Caps_Lock},
    {"clear", XK_Clear},
    {"cmd", XK_Super_L},
    {"colon", XK_colon},
    {"comma", XK_comma},
    {"command", XK_Super_L},
    {"contextmenu", XK_Menu},
    {"control", XK_Control_L},
    {"controll", XK_Control_L},
    {"controlleft", XK_Control_L},
    {"controlr", XK_Control_R},
    {"controlright", XK_Control_R},
    {"ctrl", XK_Control_L},
    {"ctrll", XK_Control_L},
    {"ctrlleft", XK_Control_L},
    {"ctrlr", XK_Control_R},
    {"ctrlright", XK_Control_R},
    {"decimal", XK_KP_Decimal},
    {"del", XK_Delete},
    {"delete", XK_Delete},
    {"divide", XK_KP_Divide},
    {"dollar", XK_dollar},
    {"down", XK_Down},
    {"end", XK_End},
    {"enter", XK_Return},
    {"equal", XK_equal},
    {"esc", XK_Escape},
    {"escape", XK_Escape},
    {"exclam", XK_exclam},
    {"execute", XK_Execute},
    {"grave", XK_grave},
    {"greater", XK_greater},
    {"help", XK_Help},
    {"home", XK_Home},
    {"hyper", XK_Hyper_L},
    {"insert", XK_Insert},
    {"ins", XK_Insert},
    {"isoleveltab", XK_ISO_Left_Tab},
    {"kpadd", XK_KP_Add},
    {"kpdecimal", XK_KP_Decimal},
    {"kpdivide", XK_KP_Divide},
    {"kpenter", XK_KP_Enter},
    {"kpequal", XK_KP_Equal},
    {"kpmultiply", XK_KP_Multiply},
    {"kpsubtract", XK_KP_Subtract},
    {"launchapp1", XF86XK_Launch0},
    {"launchapp2", XF86XK_Launch1},
    {"launchmail", XF86XK_Mail},
    {"launchmediaselect", XF86XK_AudioMedia},
    {"left", XK_Left},
    {"less", XK_less},
    {"linefeed", XK_Linefeed},
    {"mediaplaypause", XF86XK_AudioPlay},
    {"mediastop", XF86XK_AudioStop},
    {"mediatracknext", XF86XK_AudioNext},
    {"mediatrackprevious", XF86XK_AudioPrev},
    {"menu", XK_Menu},
    {"meta", XK_Super_L},
    {"metal", XK_Super_L},
    {"metaleft", XK_Super_L},
    {"metar", XK_Super_R},
    {"metaright", XK_Super_R},
    {"minus", XK_minus},
    {"modechange", XK_Mode_switch},
    {"multiply", XK_KP_Multiply},
    {"nexttrack", XF86XK_AudioNext},
    {"numlock", XK_Num_Lock},
    {"numpadadd", XK_KP_Add},
    {"numpaddecimal", XK_KP_Decimal},
    {"numpaddivide", XK_KP_Divide},
    {"numpadenter", XK_KP_Enter},
    {"numpadequal", XK_KP_Equal},
    {"numpadmultiply", XK_KP_Multiply},
    {"numpadsubtract", XK_KP_Subtract},
    {"option", XK_Alt_L},
    {"optionleft", XK_Alt_L},
    {"optionright", XK_Alt_R},
    {"pagedown", XK_Page_Down},
    {"pageup", XK_Page_Up},
    {"pause", XK_Pause},
    {"period", XK_period},
    {"pgdn", XK_Page_Down},
    {"pgdown", XK_Page_Down},
    {"pgup", XK_Page_Up},
    {"playpause", XF86XK_AudioPlay},
    {"plus", XK_plus},
    {"prevtrack", XF86XK_AudioPrev},
    {"print", XK_Print},
    {"printscreen", XK_Print},
    {"prntscrn", XK_Print},
    {"prtsc", XK_Print},
    {"prtscr", XK_Print},
    {"question", XK_question},
    {"quote", XK_apostrophe},
    {"quotedbl", XK_quotedbl},
    {"return", XK_Return},
    {"right", XK_Right},
    {"scrolllock", XK_Scroll_Lock},
    {"select", XK_Select},
    {"semicolon", XK_semicolon},
    {"separator", XK_KP_Separator},
    {"shift", XK_Shift_L},
    {"shiftl", XK_Shift_L},
    {"shiftleft", XK_Shift_L},
    {"shiftr", XK_Shift_R},
    {"shiftright", XK_Shift_R},
    {"slash", XK_slash},
    {"sleep", XF86XK_Sleep},
    {"space", XK_space},
    {"spacebar", XK_space},
    {"stop", XF86XK_AudioStop},
    {"subtract", XK_KP_Subtract},
    {"super", XK_Super_L},
    {"superl", XK_Super_L},
    {"superr", XK_Super_R},
    {"tab", XK_Tab},
    {"underscore", XK_underscore},
    {"up", XK_Up},
    {"volumedown", XF86XK_AudioLowerVolume},
    {"volumemute", XF86XK_AudioMute},
    {"volumeup", XF86XK_AudioRaiseVolume},
    {"win", XK_Super_L},
    {"windows", XK_Super_L},
    {"winl", XK_Super_L},
    {"winleft", XK_Super_L},
    {"winr", XK_Super_R},
    {"winright", XK_Super_R},
    {"audiovolumedown", XF86XK_AudioLowerVolume},
    {"audiovolumemute", XF86XK_AudioMute},
    {"audiovolumeup", XF86XK_AudioRaiseVolume},
};

/* Names of which there are many: a beginning and a number. */
static const struct series {
    const char *beginning;
    uint32_t first, last;
    uint32_t keysym; /* of `first` */
} series[] = {
    {"f", 1, 35, XK_F1},   {"num", 0, 9, XK_KP_0}, {"numpad", 0, 9, XK_KP_0},
    {"kp", 0, 9, XK_KP_0}, {"digit", 0, 9, XK_0},
};

uint32_t utf8_character(const char *text, size_t n, size_t *ret_n)
{
    const unsigned char *p = (const unsigned char *)text;
    int length = utf8_sequence(p, n);
    uint32_t value = p[0];
    *ret_n = length > 0 ? (size_t)length : 1;
    if (length < 2)
        return value;
    value &= 0x7Fu >> length;
    for (int i = 1; i < length; i++)
        value = value << 6 | (p[i] & 0x3Fu);
    return value;
}

uint32_t keysym_of_character(uint32_t character)
{
    switch (character) {
    case '\n':
    case '\r':
        return XK_Return;
    case '\t':
        return XK_Tab;
    case '\b':
        return XK_BackSpace;
    case 0x1B:
        return XK_Escape;
    case 0x7F:
        return XK_Delete;
    default:
        break;
    }
    if (character < 0x20 || (character >= 0x80 && character < 0xA0))
        return 0;
    /* Latin-1 keysyms are the characters themselves. */
    return character < 0x100 ? character : character | UNICODE_KEYSYM;
}

bool keysym_is_function(uint32_t keysym)
{
    return (keysym >= 0xFD00 && keysym <= 0xFFFF) || keysym >= 0x10000000;
}

static int find_name(const char *key, uint32_t *ret_keysym)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].name, key) == 0) {
            *ret_keysym = names[i].keysym;
            return 0;
        }
    return -1;
}

static int find_in_series(const char *key, uint32_t *ret_keysym)
{
    for (size_t i = 0; i < sizeof series / sizeof *series; i++) {
        size_t n = strlen(series[i].beginning);
        const char *digits = key + n;
        size_t count = strncmp(key, series[i].beginning, n) == 0 ? strlen(digits) : 0;
        if (count < 1 || count > 2 || strspn(digits, "0123456789") != count ||
            (count == 2 && digits[0] == '0'))
            continue;
        uint32_t number = (uint32_t)(digits[0] - '0');
        if (count == 2)
            number = number * 10 + (uint32_t)(digits[1] - '0');
        if (number < series[i].first || number > series[i].last)
            continue;
        *ret_keysym = series[i].keysym + number - series[i].first;
        return 0;
    }
    return -1;
}

/* "KeyA", as browsers call the place of a key. */
static int find_letter(const char *key, uint32_t *ret_keysym)
{
    if (strlen(key) != 4 || strncmp(key, "key", 3) != 0 || key[3] < 'a' || key[3] > 'z')
        return -1;
    *ret_keysym = (unsigned char)key[3];
    return 0;
}

int keyname_find(const char *name, size_t n, uint32_t *ret_keysym)
{
    char key[NAME_MAX_LENGTH + 1] = "";
    size_t length, kept = 0;
    if (n == 0)
        return -1;
    uint32_t character = utf8_character(name, n, &length);
    if (length == n) {
        uint32_t keysym = keysym_of_character(character);
        if (keysym)
            *ret_keysym = keysym;
        return keysym ? 0 : -1;
    }
    for (size_t i = 0; i < n; i++) {
        if (name[i] == ' ' || name[i] == '-' || name[i] == '_')
            continue;
        if (kept == NAME_MAX_LENGTH)
            return -1;
        key[kept++] = (char)tolower((unsigned char)name[i]);
    }
    key[kept] = '\0';
    if (find_name(key, ret_keysym) == 0 || find_in_series(key, ret_keysym) == 0)
        return 0;
    return find_letter(key, ret_keysym);
}
