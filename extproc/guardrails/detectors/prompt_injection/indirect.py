"""What stands in documents, pages, mails and tool results to be read by a model, not by a person:
orders to use tools, data sent away, dialogue that never took place, text that nobody sees.

Chat markers: the published chat templates of ChatML, Llama 2 and 3, Gemma and Phi, and the turn
markers of the older completion APIs (`\\n\\nHuman:`).
"""

from __future__ import annotations

from extproc.guardrails.detectors.prompt_injection.phrase import (
    DIALOGUE,
    EXFILTRATION,
    OBFUSCATION,
    TOOL,
    Phrase,
)


def _tool(weight: int, head: str, rest: str = "", spared: str = "") -> Phrase:
    return Phrase(TOOL, weight, head, rest, spared=spared)


_AI = (
    "ai|a\\.i\\.|llms?|language models?|ai (?:assistants?|agents?|models?|systems?|recruiter"
    "|reviewer"
    "|coding assistants?)|chatbots?|gpt|chatgpt|claude|gemini|copilot|assistants?"
)
_SEND = (
    "send|forward|post|upload|e-?mail|transmit|export|transfer|leak|exfiltrate|submit|share|deliver"
    "|copy|paste|put|append|collect"
)
_DATA = (
    "conversations?|chat history|history|inbox|contacts|passwords?|credentials|api keys?|keys"
    "|secrets?|e-?mails|environment variables|\\.env|credit cards?|user'?s? data|private|personal"
    "|user'?s? files|all files|messages|tokens|contents?|customer(?:'?s)?|/etc/passwd|cookies"
)
_WHERE = r"(?:https?://|ftp[.:]|@[a-z0-9-]{1,40}\.|my server)"

_TOOLS = (
    _tool(
        24,
        "note|notes|message|attention|instructions?|notice|hint|reminder|important",
        rf" <14>(?:to|for) (?:the |any |all )?(?:{_AI})(?: reading|:|,)?",
    ),
    _tool(
        24,
        "(?:attention|dear|hello|hey)",
        r" (?:all |any |to all |every )?(?:automated |autonomous"
        r" |large )?(?:agents?|bots?|crawlers?|assistants?|ai|llms?|language models?|copilot"
        r"|chatgpt|claude"
        r"|gemini|ai (?:assistant|agent|model)s?)",
    ),
    _tool(
        24,
        "(?:ai|llm)",
        r" (?:assistants?|agents?|systems?|models?|instructions?|recruiter"
        r"|coding assistants?)?(?: reading this)? ?(?:must|should|shall|need to|have to|are "
        r"required|:)",
    ),
    _tool(
        24,
        "(?:if|as) you",
        r" ?(?:are|'re|re)? (?:an? )?(?:ai|llm|large language|language model"
        r"|ai (?:coding )?assistant|automated (?:agent|assistant))",
    ),
    _tool(
        24,
        "you,? (?:the|as an?|as the) (?:ai|language )?(?:model|assistant|ai|agent)",
        r" <4>"
        r"(?:must|should|shall|will|have to|need)",
    ),
    _tool(
        12,
        "(?:the )?(?:assistant|model|agent|ai)",
        r" (?:must|shall|has to|needs to|is required"
        r" to|should) (?:now |first |immediately )?(?:call|send|execute|run|search|forward|use"
        r"|disregard|ignore|post|include|state|invoke|share|not mention|say)",
    ),
    _tool(
        24,
        "(?:assistant|ai|ai assistant|ai agent|agent|copilot|chatgpt|claude|gemini|llm)(?::|,)",
        r" (?:please |now |also |kindly )?(?:before|your next|you have to|you need to|forward|email"
        r"|do not|don't|ignore|read|send|forward|invite|disregard|instead|call|run|execute|use"
        r"|print|reply|output|when|you must|delete|open|fetch)",
    ),
    _tool(
        20,
        "(?:call|invoke|use|run|execute|trigger)",
        r" (?:the |your |a )?<24>(?:tool|function"
        r"|plugin)",
        r" (?:when|if|only)",
    ),
    _tool(
        24,
        "do not|don't|without|never|not",
        r" <4>(?:tell|telling|mention|mentioning|inform"
        r"|informing|notify|notifying|show|alert|alerting|reveal) <10>(?:the user|this|it|to the "
        r"user|user|them|anyone)",
    ),
    _tool(12, "without", r" <4>(?:asking|confirmation|permission|approval)"),
    _tool(
        12,
        "when",
        r" (?:you|summari[sz]ing|reading) (?:read|see|process|receive|summari[sz]e"
        r"|open|this|the)",
    ),
    _tool(
        16,
        "(?:rate|recommend|rank|score|give|mark)",
        r" <30>(?:above all others|as (?:excellent"
        r"|outstanding|the best|the top)|the highest (?:rating|score)|highest rating|top choice)",
    ),
    _tool(
        16,
        "before",
        r" (?:doing anything else|answering|replying|responding|proceeding|continuing"
        r"|you (?:answer|reply|respond|continue|proceed|use|call|do anything))",
    ),
    _tool(12, "before", r" using (?:this|the|any) <12>(?:tool|result|function|data)"),
    _tool(
        16,
        "otherwise",
        r" (?:the |this )?(?:tool|function|call|request|answer) (?:will|does|would)"
        r" (?:not work|fail|be)",
    ),
    _tool(
        28,
        "include|pass|add|provide|put|insert|supply|attach|fill|give|send",
        r" <30>(?:conversation|chat|history|system prompt|all (?:previous )?messages|context window"
        r"|user'?s (?:messages|data|prompt|question)|its contents?|their contents?|file contents?)"
        r" <50>(?:argument|parameter|field|sidenote|input|metadata|header|query)",
    ),
    _tool(
        20,
        "(?:the )?user",
        r" (?:has asked|wants|asked|requests|requested|would like)"
        r"(?: that)? you(?: to)?",
    ),
    _tool(12, "(?:tell|inform|convince) the user", r" <6>(?:that )?(?:their|his|her|to|they)"),
    _tool(
        12,
        "(?:say|claim|pretend)",
        r" (?:that )?(?:it|this) (?:is|was) (?:the |an )?(?:official"
        r"|safe|approved)",
    ),
    _tool(8, "include a link|give them this (?:phone )?number|include this link"),
    _tool(
        24,
        "disregard|ignore",
        r" (?:the )?(?:user's|users|user) <12>(?:question|request"
        r"|instructions?|query|task|message)",
    ),
    _tool(
        24,
        "disregard|ignore",
        r" (?:the |all )?(?:criteria|negative reviews|document|readme"
        r"|rest of the (?:document|page))",
    ),
    _tool(20, "curl|wget", r" <40>\| ?(?:sudo )?(?:ba|z)?sh <30>before"),
    _tool(16, "(?:rm -rf|rm -fr)", r" ?[~/]"),
    _tool(20, "transfer", r" (?:\w{1,8} ){0,4}(?:dollars|euros?|usd|eur|\$|bitcoin) <24>account"),
    _tool(16, "now that the tool|the next step for you|system note|hidden note"),
    _tool(8, "reply only with|reply with|respond only with"),
    _tool(12, "delete the (?:sent copy|e-?mail|evidence|logs)"),
)

_EXFILTRATIONS = (
    Phrase(EXFILTRATION, 16, _SEND, rf" [^\x00]{{0,80}}?{_WHERE}", words=True),
    Phrase(EXFILTRATION, 20, _SEND, rf" <44>(?:{_DATA})[^\x00]{{0,60}}?{_WHERE}"),
    Phrase(EXFILTRATION, 16, _SEND + "|read|print|paste", r" <24>(?:\.env|environment variables"
           r"|/etc/passwd|api keys?|contents? of the (?:user|inbox)|whole conversation|chat history"
           r"|conversation (?:so far|history)|all contacts|user'?s? (?:inbox|passwords?"
           r"|secrets?))"),
    Phrase(EXFILTRATION, 40, r"!\[", r"[^\]\x00]{0,60}\]\(https?://[^)\s\x00]{1,120}[?&][A-Za-z_]"
           r"{1,16}=(?:\{|\[|<|\$|%7B|[A-Z]{4,}|base64)", words=False, cased=True, raw=True),
    Phrase(EXFILTRATION, 20, r"\]\(https?://", r"[^)\s\x00]{1,120}[?&][A-Za-z_]{1,16}="
           r"(?:\{|\[|<|[A-Z]{4,})", words=False, cased=True, raw=True),
    Phrase(EXFILTRATION, 20, "replacing the placeholder|put the (?:chat|conversation)|is the base64"
           "|base64 of your|append the conversation"),
    Phrase(EXFILTRATION, 12, "environment variables", r" <24>my server"),
)  # fmt: skip


def _mark(weight: int, head: str, rest: str = "") -> Phrase:
    return Phrase(DIALOGUE, weight, head, rest, words=False, negatable=False, raw=True)


_LINE = r"(?:\n|\\n|\x00|\A)[ \t>#*]{0,6}"
_TURN = r"\n[ \t]{0,4}(?:assistant|ai|bot|a|chatgpt|model)[ \t]?:"
_YES = r"[ \t]{0,4}(?:sure|of course|yes,|ok,? here|okay,|absolutely|certainly|here (?:it|they))"
_HEADING = r"[#=*_-]{2,8}[ \t]?(?:new |updated |real |important )?(?:system|developer|admin)"
_DIALOGUES = (
    _mark(28, _HEADING, r"(?:istrator)?[ \t](?:prompt|message|instructions?|override|note|update)"),
    _mark(28, r"<\|im_start\|>", r"\s{0,3}system"),
    _mark(28, r"<\|start_header_id\|>", r"\s{0,3}system"),
    _mark(28, r"<\|system\|>|<<SYS>>|<start_of_turn>system"),
    _mark(16, r"<\|im_end\|>|<\|eot_id\|>|<\|endoftext\|>|<\|end\|>|<end_of_turn>"),
    _mark(16, r"<\|im_start\|>|<\|user\|>|<\|assistant\|>|<\|end_header_id\|>|<start_of_turn>"),
    _mark(12, r"\[/INST\]|<</SYS>>"),
    _mark(12, r"\[INST\]"),
    _mark(8, r"<s>", r"\s{0,2}\[INST\]"),
    _mark(36, r"</(?:user|document|instructions|context|input|data|prompt|tool_result|message)>",
          r"\s{0,6}<(?:system|instructions|assistant|admin|developer)>"),
    _mark(16, r"<(?:system|admin|developer)>"),
    _mark(20, r"</?tool_result>|</?function_results>"),
    _mark(20, _LINE + r"(?:system|developer)(?: (?:message|prompt|note|override))?[ \t]?:"),
    _mark(20, r"###[ \t]?(?:system|instructions?)[ \t]?:?[ \t]{0,3}\n"),
    _mark(20, r"###[ \t]?(?:response|assistant)[ \t]?:?"),
    _mark(24, r"\n\nHuman:", r"[^\x00]{1,160}?\n\nAssistant:"),
    _mark(12, r"\n(?:user|human)[ \t]?:", r"[^\x00]{1,150}?" + _TURN),
    _mark(16, r"(?:\n|\x00|\A)[ \t]{0,4}(?:assistant|ai|bot|a|chatgpt|model)[ \t]?:", _YES),
    _mark(16, _TURN + _YES, r"[^\x00]{1,110}?" + _TURN + _YES),
    _mark(28, r"[-=*]{3} ?(?:end|begin|start) of (?:the )?(?:user|system|document|prompt|data)"),
    _mark(28, r"[-=*]{3} ?(?:end|begin|start) (?:user|system|developer) (?:input|instructions"
    r"|prompt"
          r"|message)"),
    _mark(16, r"the user'?s? (?:real|actual|true) (?:request|question|task|intent) is"),
    _mark(12, r"end of (?:the )?(?:document|context|article|user input)"),
    _mark(12, r'"role"\s{0,3}:\s{0,3}"(?:system|developer)"'),
    _mark(40, r'"role"\s{0,3}:\s{0,3}"(?:system|developer)"',
    r'[^\x00]{1,24}?"content"[^\x00]{1,24}?'
          r"(?:unrestricted|must (?:reveal|obey)|no (?:rules|limits|restrictions)|jailbroken)"),
    _mark(40, r"\[system\]\(#"),
    Phrase(DIALOGUE, 16, "you (?:answer|are) (?:every|an? unrestricted|unrestricted|have no rules)",
           r" <24>(?:limits|rules|question)?"),
    Phrase(DIALOGUE, 16, "you have no", r" (?:rules|limits|restrictions|guidelines|filters?)"),
    Phrase(DIALOGUE, 16, "grant this user|full access and|disable (?:all )?logging"),
    Phrase(DIALOGUE, 12, "the user is", r" (?:now )?(?:an? |the )?(?:administrator|admin|developer"
           r"|root|owner)"),
)  # fmt: skip

_READER = r"(?:assistant|\bai\b|llm|language model|you must|ignore|disregard|instructions? for)"
_HIDDEN = (
    Phrase(OBFUSCATION, 20, r"(?:display:\s{0,2}none|font-size:\s{0,2}0(?:px|pt)?[;\"']"
           r"|visibility:\s{0,2}hidden|opacity:\s{0,2}0[;\"']|font size=.?0"
           r"|color:\s{0,2}(?:white|#fff(?:fff)?\b))", r"[^\x00]{0,80}?>[^\x00]{0,60}?" + _READER,
           words=False, negatable=False, raw=True),
    Phrase(OBFUSCATION, 16, "<!--", r"[^\x00>]{0,120}?(?:ignore|disregard|assistant|\bai\b|llm)",
           words=False, negatable=False, raw=True),
    Phrase(OBFUSCATION, 20, r"\[//\]: # ", r"[^\x00]{0,40}?" + _READER, words=False,
           negatable=False, raw=True),
)  # fmt: skip

INDIRECT = (*_TOOLS, *_EXFILTRATIONS, *_DIALOGUES, *_HIDDEN)
