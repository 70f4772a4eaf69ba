"""What people write: every spelling that the keyword rules must know, and texts that only look like one."""

OPT_OUTS = (
    "STOP",
    "stop",
    "Stop",
    "sToP",
    "STOP.",
    "Stop!!!",
    "  stop  ",
    '"STOP"',
    "'stop'",
    "*STOP*",
    "(stop)",
    "-stop-",
    "_stop_",
    "\u00a1STOP!",
    "STOP \U0001f6d1",
    "\U0001f6d1STOP\U0001f6d1",
    "Stop \u270b\U0001f3fd",  # a raised hand with a skin tone
    "stop \u2764\ufe0f",  # a heart with a variation selector
    "S\u200bTOP",  # a zero-width space
    "\ufeffSTOP",  # a byte order mark
    "ST\u00adOP",  # a soft hyphen
    "STOP\u200d",
    "\uff33\uff34\uff2f\uff30",  # full-width letters
    "\U0001d412\U0001d413\U0001d40e\U0001d40f",  # mathematical bold letters
    "\ufb06op",  # the ligature st
    "STOP\n",
    "\tstop\r\n",
    "STOPALL",
    "stopall",
    "STOP ALL",
    "stop all",
    "Stop-All",
    "STOP\u00a0ALL",
    "stop   all.",
    "UNSTOP",
    "unstop",
    "Unstop!",
    "UNSUBSCRIBE",
    "Unsubscribe.",
    "unsubscribe",
    "CANCEL",
    "cancel",
    "Cancel!",
    "END",
    "end.",
    "QUIT",
    "quit",
    "REVOKE",
    "revoke",
    "OPTOUT",
    "optout",
    "OPT OUT",
    "opt-out",
    "Opt-Out.",
    "opt\u2011out",  # a non-breaking hyphen
    "opt - out",
    "opt  out",
    "OPT\u3000OUT",  # an ideographic space
    "\uff4f\uff50\uff54\uff0d\uff4f\uff55\uff54",
)

OPT_INS = (
    "START",
    "start",
    "Start.",
    "start!",
    '"Start"',
    "\uff33\uff34\uff21\uff32\uff34",
    "START \U0001f64f",
    "\u200bStart",
    " start ",
)

# A person must decide on these.
POSSIBLE_OPT_OUTS = (
    "please stop texting me",
    "Please stop texting me.",
    "PLEASE STOP TEXTING ME!!!",
    "please  stop texting me \U0001f64f",
    "st\u00f3p",
    "ST\u00d3P",
    "sto\u0301p",  # the accent as a character of its own
    "canc\u00e9l",
    "Unsubscrib\u00e9",
)

ORDINARY = (
    "We have got to STOP this bill",
    "nonstop",
    "STOP 12345",
    "Can you stop by the office at 3?",
    "What time do you open on Saturday?",
    "Thanks, see you then",
    "yes",
    "YES",
    "help",
    "INFO",
    "The endless summer was great",
    "Can we start at 9?",
    "restart",
    "Quitting time is 5, I can come after that",
    "The weekend would be better",
    "ok",
    "1",
    "12345",
    "",
    "\U0001f44d",
    "Is parking free?",
    "Running ten minutes late\nsorry",
    "Please move my appointment to Friday",
)
