"""English: what is said to a model to make it tell its instructions, change sides or decode orders.

The rest of English, overriding instructions, is in `english_override`.
"""

from __future__ import annotations

from extproc.guardrails.detectors.prompt_injection.english_override import (
    LIMITS,
    OVERRIDES,
    SAFETY,
)
from extproc.guardrails.detectors.prompt_injection.phrase import (
    EXTRACTION,
    OBFUSCATION,
    ROLE,
    Phrase,
)

_TELL = (
    "reveal|show|print|output|display|repeat|reproduce|recite|dump|leak|disclose|expose|tell|give"
    "|share|send|write|copy|paste|quote|translate|summari[sz]e|encode|list|return|echo|provide"
    "|spell|say|type|post|see|get|extract|describe"
)
_HIDDEN = "system|developer|initial|hidden|internal|secret|original|base|pre|starting|exact|full"
_PROMPT = "prompts?|instructions?|messages?|guidelines|directives|rules|configuration|programming"


def _extract(weight: int, head: str, rest: str = "", spared: str = "") -> Phrase:
    return Phrase(EXTRACTION, weight, head, rest, spared=spared)


def _tell(weight: int, rest: str, spared: str = "") -> Phrase:
    return Phrase(EXTRACTION, weight, _TELL, rest, spared=spared, family="tell")


def _secret(weight: int, rest: str) -> Phrase:
    return Phrase(EXTRACTION, weight, _TELL, rest)


_ABOUT = r" (?:for|about|on|of the|in this|at the)"
_EXTRACTIONS = (
    _tell(40, rf" <30>(?:your|ur|its own) <20>(?:{_HIDDEN}) (?:\w{{1,10}} )?(?:{_PROMPT})", _ABOUT),
    _tell(20, rf" <30>(?:the|all) <16>(?:{_HIDDEN}) (?:{_PROMPT})", _ABOUT),
    _tell(
        32,
        r" <16>(?:your|ur) <8>(?:own )?(?:prompts?|instructions|configuration"
        r"|guidelines|rules|context window)",
        _ABOUT,
    ),
    _tell(
        40,
        r" <24>(?:instructions?|rules|guidelines|prompts?|text|messages?|notes|information"
        r"|context|secrets?|directives|orders) <10>you "
        r"(?:were|have been|are|got|had been) (?:given|told|provided|trained|instructed)",
    ),
    _extract(
        28,
        "(?:what|which)(?: (?:is|are|was|were)|'s)",
        rf" (?:your|ur) (?:\w{{1,10}} )?(?:{_HIDDEN}) (?:{_PROMPT})",
    ),
    _extract(
        28,
        "what (?:instructions )?(?:were|was|have|are) you(?: been)?",
        r" (?:told|instructed|given) <30>(?:before|start|above|initially|begin\w{0,5})",
    ),
    _extract(
        28,
        "repeat|print|output|copy|write|return|quote|reproduce|display|show",
        r" <12>(?:everything|all|the (?:words?|text|lines?|content|sentences|messages?)) <12>"
        r"(?:above|before this|preceding|prior to this)(?: this| the)? ?"
        r"(?:line|message|point|starting|verbatim|word|exactly|conversation)",
    ),
    _extract(
        28,
        "text|content|contents|words|lines?|messages?|instructions?|prompts?|notes",
        r" <14>(?:at|from|in|on) the (?:very )?(?:beginning|start|top|head) of (?:this|our|the"
        r"|your)"
        r" (?:conversation|chat|context|session|prompt|dialogue|context window)",
    ),
    _extract(
        12,
        "hidden|secret|invisible|confidential|concealed",
        r" (?:text|notes?|messages?|prompts?"
        r"|instructions?|content|context|rules|guidelines)",
    ),
    _extract(
        28,
        "(?:tools|functions|plugins)",
        r" (?:that |which )?you (?:have|can|may|are) <40>"
        r"(?:schemas?|definitions?|parameters|verbatim|signatures?|hidden)",
    ),
    _extract(
        12,
        "verbatim|word for word|word-for-word|without leaving anything out|include"
        " everything|copied exactly|exactly as (?:it is|they are) written",
    ),
    _extract(
        16,
        "(?:starting|beginning|begins?|starts?) with",
        r" (?:the (?:phrase|words) )?"
        r"you are(?: a)?",
    ),
    _extract(12, "in a", r" (?:txt|text|code|markdown) (?:code )?block"),
    _extract(32, "(?:content|contents)", r" of your (?:context|prompt|system|memory)"),
    _extract(24, "first line", r" of (?:this conversation|your prompt|the prompt|your context)"),
    _extract(
        16,
        "your (?:entire |whole |full |own |complete |exact )?(?:system prompt|system message"
        "|hidden prompt|initial prompt|developer message|system instructions|initial"
        " instructions|hidden instructions|internal guidelines)",
    ),
    _extract(
        20,
        "(?:developer|system) (?:message|prompt)",
        r" (?:that came |which came )?(?:before"
        r" (?:mine|this)|above)",
    ),
    _extract(28, "(?:line|word|sentence|part)", r" (?:is one line )?of your (?:\w{1,8} )?prompt"),
    _extract(16, "(?:print|echo|cat|return|eval)", r" (?:self )?system_?prompt"),
    _secret(
        16,
        r" <16>(?:secret|hidden|master|admin\w{0,12}|root|api) (?:\w{1,8} )?"
        r"(?:passwords?|keys?|words?|code|configuration|notes|secrets?)",
    ),
    _secret(
        12,
        r" <16>(?:the |all )(?:\w{1,8} )?(?:passwords?|secrets?|secret|key|keys"
        r"|credentials)",
    ),
    _extract(
        32,
        "(?:reveal|show|print|display|output)(?:me)?(?:your|the)?(?:system|hidden|initial)"
        "(?:prompt|instructions)",
    ),
)

_FREE = r"(?:no|without|free of|free from|freed from|not bound by|ignor(?:e|es|ing)|lacks?|lacking"
_MODE = "developer|dev|god|jailbreak|debug|sudo|dan|unrestricted|root|maintenance|admin|evil"


def _role(weight: int, head: str, rest: str = "", cased: bool = False) -> Phrase:
    return Phrase(ROLE, weight, head, rest, cased=cased)


def _mode(weight: int, head: str, rest: str = "") -> Phrase:
    return Phrase(ROLE, weight, head, rest, family="mode")


_ROLES = (
    _role(
        40,
        "you are",
        r" (?:now|about to become|going to be|no longer) <16>(?:dan|stan|dude"
        r"|jailbroken|unrestricted|unfiltered|uncensored|unbound|freed?|in (?:developer|god|debug"
        r"|jailbreak|root|sudo|unrestricted|dan) mode)",
    ),
    _role(8, "you are", r" (?:now|about to become|no longer)"),
    _role(24, "do anything now"),
    _role(16, r"\bDAN\b|\bSTAN\b|\bDUDE\b", cased=True),
    _mode(
        24,
        rf"(?:{_MODE}) mode",
        r" (?:is |now |has been |are ){0,2}(?:enabled|activated"
        r"|unlocked|engaged|active|unrestricted|on[.!;:,\n])",
    ),
    _mode(
        24,
        "enable|activate|enter|entering|switch to|switching to|turn on|you are (?:now )?in",
        rf" (?:the )?(?:{_MODE}) mode",
    ),
    _mode(16, rf"(?:{_MODE}) mode"),
    _role(
        36,
        "act|behave|respond|pretend|simulate|role-?play|imagine|immerse",
        rf" <44>{_FREE}|removed|whose) <16>(?:{LIMITS}|{SAFETY}) ?(?:guardrails|guidelines"
        rf"|filters?|{LIMITS})?",
    ),
    _role(
        36,
        "ai|assistant|chatbot|bot|gpt|llm|language model|version of yourself|persona",
        rf" <28>(?:has |with |have )?{_FREE}|does not care about|never) <14>(?:{LIMITS}|safety"
        r"|ethical|rule|refuse|refuses)",
    ),
    _role(
        24,
        "model|character|ai",
        r" (?:that |who |which )?(?:was |is |has been )?(?:freed|free"
        r"|released) (?:from|of) <14>(?:restrictions|rules|limits|chains|policies)",
    ),
    _role(
        16,
        "does not care about|doesn't care about|do not care about",
        r" (?:safety|ethics|rules|morals|laws?|polic(?:y|ies))",
    ),
    _role(12, "(?:never|do not|don't|not) break character|stay in character", r" <20>never"),
    _role(12, "never refus(?:e|es)|and never refuses?"),
    _role(
        20,
        "evil|amoral|unethical|immoral|malicious|rogue|unchained|unbound",
        r" (?:bot|ai|twin|assistant|confidant|version|chatbot|counterpart|gpt|robot)",
    ),
    _role(
        20,
        r"\b(?:Evil|Unchained|Free|Jail|Chaos|Rogue|Dark|Hacker|Worm)(?:GPT|Bot|AI)\b",
        cased=True,
    ),
    _role(
        20,
        "indifferent to|unconcerned (?:by|with|about)|no regard for|regardless of|no matter how",
        r" <14>(?:laws?|legal\w{0,3}|ethic\w{0,4}|moral\w{0,4}|safety|rules|illegal|immoral"
        r"|unethical|guidelines)",
    ),
    _role(
        24,
        "(?:the )?(?:exact )?opposite of",
        r" <16>(?:safety|rules|guidelines|told|polic(?:y|ies)"
        r"|ethic\w{0,4}|training)",
    ),
    _role(
        12,
        "always|completely|totally|fully|entirely|be",
        r" <16>(?:unfiltered|uncensored"
        r"|unrestricted|unmoderated)",
    ),
    _role(12, "alter ego|evil twin|split personality|twin of yourself|version of yourself"),
    _role(12, "(?:two|2) (?:answers|responses|replies)", r" <30>(?:as|one)"),
    _role(20, "as (?:an? )?(?:unrestricted|unfiltered|uncensored|jailbroken|amoral)"),
    _role(
        24,
        "say anything|do anything|answer anything|obeys? every|no limits|no filter",
        r" <24>(?:command|restrictions|whatsoever|rules|never refuses)",
    ),
    _role(20, "has no (?:limits|rules|filter|filters|restrictions|morals)"),
    _role(16, "free of the rules|avoid norms|the rules imposed on|strives to avoid"),
    _role(
        24,
        "(?:openai|anthropic|google|microsoft|meta)(?:'s)?",
        r" (?:content |usage |safety )?"
        r"(?:polic(?:y|ies)|guidelines|restrictions)",
    ),
    _role(
        20,
        "root access|unrestricted permissions|full permissions",
        r" <24>(?:skip|ignores?"
        r"|bypass|safety|may|no)",
    ),
    _role(12, "(?:zero|no) tokens", r" <12>die"),
    _role(
        12,
        "(?:moral|ethical|safety) (?:filters?|limits|restrictions)",
        r" (?:have been |were )?"
        r"(?:removed|disabled)",
    ),
    _role(12, "you may now (?:answer|speak|respond) freely|confirm with <2>jailbroken"),
)

_TRICKS = (
    Phrase(OBFUSCATION, 24, "decode|decipher|decrypt|unscramble|rot13|base64",
           r" <44>(?:and|then) <20>(?:follow|execute|obey|carry|run|do (?:it|what)|perform"
           r"|comply)"),
    Phrase(OBFUSCATION, 40, "concatenate|combine|join|put together|merge|assemble",
           r" <60>(?:execute|obey|follow|carry out|perform|comply with) <24>(?:it|sentence"
           r"|instructions?|result|them)"),
    Phrase(OBFUSCATION, 40, "(?:first|last|second) (?:letters?|words?) of (?:each|every)",
           r" <60>(?:follow|obey|execute|carry out|comply|perform)"),
    Phrase(OBFUSCATION, 12, "(?:in|as|to|into|using)", r" (?:base64|hex|rot13|morse|binary"
    r"|leetspeak"
           r"|pig latin)"),
    Phrase(OBFUSCATION, 8, "read it backwards|read this backwards|in reverse order, then"),
    Phrase(OBFUSCATION, 12, "replace (?:every|each|all) (?:forbidden|banned|bad|blocked)",
    r" words?"),
)  # fmt: skip

ENGLISH = (*OVERRIDES, *_EXTRACTIONS, *_ROLES, *_TRICKS)
