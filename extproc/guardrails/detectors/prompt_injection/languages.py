"""The same in other languages: override, extraction, change of role, orders to a reading model.

Languages written with spaces use word edges; Cyrillic, CJK, Arabic and Devanagari do not. Letters
are folded like the text they are compared with, so accents and capitals do not matter.
"""

from __future__ import annotations

from extproc.guardrails.detectors.prompt_injection.phrase import (
    EXTRACTION,
    OVERRIDE,
    ROLE,
    TOOL,
    Phrase,
)


def _plain(label: str, weight: int, head: str, rest: str) -> Phrase:
    """A phrase of a script without word edges."""
    return Phrase(label, weight, head, rest, words=False, negatable=False)


_SPANISH = (
    Phrase(OVERRIDE, 40, "ignora|ignore|ignorad|olvida|olvide|olvidate|desestima|omite|descarta"
           "|haz caso omiso|no (?:sigas|obedezcas|hagas caso|respetes)|pasa por alto|anula",
           r" <18>"
           "(?:instrucciones|indicaciones|reglas|ordenes|directrices|normas|prompt)"
           " <16>(?:anteriores"
           "|previas?|de arriba|del sistema|iniciales|que te dieron|que recibiste|originales"
           "|precedentes)"),
    Phrase(OVERRIDE, 20, "(?:responde|contesta|actua)", " <16>sin (?:restricciones|limites|filtros"
           "|reglas)"),
    Phrase(OVERRIDE, 24, "(?:a partir de ahora|desde ahora) (?:me obedeces|solo me)", ""),
    Phrase(EXTRACTION, 40, "muestra|muestrame|revela|imprime|dime|repite|escribe|copia|traduce",
           " <24>(?:prompt del? sistema|instrucciones (?:del sistema|iniciales|ocultas)|prompt"
           " inicial|tu prompt)"),
    Phrase(ROLE, 40, "(?:a partir de ahora|desde ahora|ahora) eres", " <50>(?:sin (?:restricciones"
           "|limites|filtros|reglas)|dan y)"),
)  # fmt: skip
_FRENCH = (
    Phrase(OVERRIDE, 40, "ignore|ignorez|oublie|oubliez|neglige|ne tiens? pas compte|ne tenez pas"
           " compte|ne (?:respecte|respectez|suis|suivez) (?:pas|plus)|ne pas (?:respecter|suivre)"
           "|fais abstraction", " <20>(?:instructions|consignes|regles|directives|ordres|prompt)"
           " <12>"
           "(?:precedente?s?|ci-dessus|anterieure?s|initiales|du systeme|que tu as recues"
           "|systeme)"),
    Phrase(OVERRIDE, 20, "(?:reponds|repondez|agis)", " <20>sans (?:restrictions?|limites?|filtres?"
           "|aucune (?:restriction|limite))"),
    Phrase(EXTRACTION, 40, "affiche|montre|montre-moi|revele|repete|imprime|donne-moi|ecris|traduis"
           "|afficher", " <30>(?:prompt systeme|instructions systeme|tes instructions|vos"
           " (?:consignes"
           "|instructions)|ton prompt|instructions (?:initiales|cachees))"),
    Phrase(ROLE, 40, "tu es (?:maintenant|desormais)|a partir de maintenant,? tu es",
    " <50>(?:sans "
           "(?:aucune? )?(?:restrictions?|limites?|filtres?|regles?))"),
    Phrase(TOOL, 24, "(?:note|message|attention)", " a l'(?:assistant|ia|intention de l'ia)"),
    Phrase(TOOL, 16, "sans", " (?:le |l')?(?:prevenir|avertir|informer)"),
)  # fmt: skip
_GERMAN = (
    Phrase(OVERRIDE, 40, "ignoriere|ignorier|ignorieren sie|vergiss|vergessen sie|missachte"
           "|uberspringe|verwirf|ubergehe", " <18>(?:vorherigen?|vorigen?|vorangegangenen?"
           "|bisherigen?"
           "|obigen?|fruheren?|ursprunglichen?|alle deine|deine) <10>(?:anweisungen|regeln|befehle"
           "|instruktionen|vorgaben|richtlinien|prompts?|systemanweisungen)"),
    Phrase(OVERRIDE, 40, "(?:beachte|befolge|folge)", " <8>(?:systemanweisungen|vorherigen"
    " anweisungen"
           "|obigen anweisungen|bisherigen regeln) (?:nicht|nicht mehr)"),
    Phrase(OVERRIDE, 20, "(?:antworte|handle)", " <14>ohne (?:einschrankungen?|filter|regeln"
           "|grenzen)"),
    Phrase(EXTRACTION, 40, "zeige?|zeig mir|verrate|gib|nenne|wiederhole|drucke|schreibe|ubersetze",
           " <34>(?:system-?prompt|systemanweisungen|deine (?:anweisungen|instruktionen)"
           "|versteckten anweisungen|systemnachricht)"),
    Phrase(ROLE, 40, "du bist (?:jetzt|nun|ab sofort)|ab (?:jetzt|sofort) bist du", " <40>ohne <10>"
           "(?:regeln|filter|einschrankungen)"),
    Phrase(TOOL, 24, "(?:hinweis|nachricht|achtung|anweisung)", " (?:an|fur) (?:das |die |den "
    "|alle )?"
           "(?:sprachmodelle?|ki|assistenten)"),
    Phrase(TOOL, 16, "(?:leite|sende|schicke)", " <44>(?:weiter|an) "),
    Phrase(TOOL, 16, "(?:erwahne|sage|verrate|melde)", " (?:es|das|dies|dem nutzer) (?:nicht"
    "|nichts)"),
)  # fmt: skip
_PORTUGUESE = (
    Phrase(OVERRIDE, 40, "ignore|ignora|esqueca|esquece|desconsidere|desconsidera|nao (?:siga|sigas"
           "|obedeca)|descarte", " <18>(?:instrucoes|regras|orientacoes|diretrizes|ordens"
           "|prompt) <6>"
           "(?:anteriores|acima|previas|do sistema|iniciais|que recebeu|que voce recebeu)"),
    Phrase(OVERRIDE, 20, "responda", " <16>sem (?:restricoes|limites|filtros|regras)"),
    Phrase(EXTRACTION, 40, "mostre|mostra|revele|imprima|repita|escreva|diga", " <24>(?:prompt"
    " d[eo]"
           " sistema|instrucoes (?:do sistema|iniciais|ocultas)|seu prompt)"),
    Phrase(ROLE, 40, "(?:agora|a partir de agora) (?:voce e|tu es)", " <40>sem (?:restricoes"
    "|limites"
           "|filtros|regras)"),
)  # fmt: skip
_ITALIAN = (
    Phrase(OVERRIDE, 40, "ignora|ignorate|dimentica|dimenticate|trascura|non (?:seguire|rispettare)"
           "|annulla", " <18>(?:istruzioni|regole|direttive|indicazioni|ordini|prompt)"
           " <6>(?:precedenti"
           "|sopra|di sistema|del sistema|iniziali|che ti hanno dato|originali)"),
    Phrase(OVERRIDE, 20, "rispondi", " <16>senza (?:limiti|restrizioni|filtri|regole)"),
    Phrase(EXTRACTION, 40, "mostra|mostrami|rivela|stampa|ripeti|dimmi|scrivi", " <24>(?:prompt di"
           " sistema|istruzioni (?:di sistema|iniziali|nascoste)|tuo prompt)"),
    Phrase(ROLE, 40, "(?:da ora in poi|adesso|ora) sei", " <40>senza (?:limiti|restrizioni|filtri"
           "|regole)"),
)  # fmt: skip
_DUTCH = (
    Phrase(OVERRIDE, 40, "negeer|vergeet|sla", " <12>(?:vorige|eerdere|voorgaande|bovenstaande"
           "|oorspronkelijke) <8>(?:instructies|regels|opdrachten|richtlijnen|aanwijzingen)"),
    Phrase(OVERRIDE, 20, "antwoord", " <8>zonder (?:beperkingen|filters|regels)"),
    Phrase(EXTRACTION, 40, "toon|laat|geef|herhaal|print", " <20>(?:systeemprompt"
    "|systeeminstructies"
           "|je instructies)"),
)  # fmt: skip
_POLISH = (
    Phrase(OVERRIDE, 40, "zignoruj|ignoruj|zapomnij|pomin|odrzuc", " <14>(?:poprzedni\\w{1,3}"
           "|wczesniejsz\\w{1,3}|powyzsz\\w{1,3}) <6>(?:instrukcj\\w{1,3}|zasad\\w{0,3}"
           "|polecen\\w{1,3}"
           "|regul\\w{0,3})"),
    Phrase(OVERRIDE, 20, "odpowiadaj|odpowiedz", " <8>bez (?:ograniczen|filtrow|zasad)"),
    Phrase(EXTRACTION, 40, "pokaz|wypisz|ujawnij|podaj", " <20>(?:prompt systemowy|instrukcje"
           " systemowe)"),
)  # fmt: skip
_TURKISH = (
    Phrase(OVERRIDE, 40, "(?:onceki|yukaridaki|sana verilen|daha onceki)", " <14>(?:talimat\\w{0,8}"
           "|kural\\w{0,8}|komut\\w{0,8}|yonerge\\w{0,8}) <6>(?:yok say|unut|gormezden gel|dikkate"
           " alma)"),
    Phrase(OVERRIDE, 20, "(?:kisitlama|sinir|filtre)", " olmadan (?:cevap|yanit)"),
    Phrase(EXTRACTION, 40, "sistem (?:istemini|talimatlarini|promptunu|mesajini)", " <12>(?:goster"
           "|yaz|acikla|soyle)"),
)  # fmt: skip
_RUSSIAN = (
    _plain(OVERRIDE, 40, "игнорируй|проигнорируй|игнорировать|забудь|отмени|не следуй|не выполняй",
           "[^\\x00\n.!?]{0,60}?(?:предыдущ|прежн|выше|ранее|которые тебе|которым тебя|систем)"
           "[^\\x00\n.!?]{0,50}"),
    _plain(OVERRIDE, 24, "забудь|игнорируй|отмени", " (?:все |свои |эти ){0,2}(?:правила|инструкции"
           "|указания|команды|ограничения)"),
    _plain(OVERRIDE, 20, "отвечай", "[^\\x00\n.!?]{0,20}?без (?:ограничений|фильтров|цензуры"
    "|правил)"),
    _plain(EXTRACTION, 40, "покажи|выведи|раскрой|повтори|напиши|скажи", "[^\\x00\n.!?]{0,40}?(?:"
           "системный промпт|системные инструкции|системное сообщение|свои инструкции)"),
    _plain(ROLE, 40, "теперь ты|отныне ты", "[^\\x00\n.!?]{0,90}?без (?:ограничений|правил|фильтров"
           "|цензуры)"),
)  # fmt: skip
_CHINESE = (
    _plain(OVERRIDE, 40, "忽略|无视|無視|忘记|忘記|忘掉|不要理会|不要遵守|抛弃|丢弃",
           "[^\\x00\n]{0,24}?(?:之前|以上|上面|先前|此前|前面|系统|系統|你)"
           "[^\\x00\n]{0,24}?(?:指令|指示|规则|規則|提示|命令|设定|要求|限制)"),
    _plain(OVERRIDE, 16, "从现在起|从现在开始|從現在開始", "[^\\x00\n]{0,12}?(?:听我的|服从我"
    "|你是)"),
    _plain(EXTRACTION, 40, "输出|显示|告诉我|打印|重复|透露|泄露|公布|把你的",
           "[^\\x00\n]{0,18}?(?:系统提示|系统指令|全部设定|初始指令|隐藏指令|提示词原样)"),
    _plain(ROLE, 36, "你(?:现在)?是", "[^\\x00\n]{0,36}?(?:没有任何限制|不受限制|没有限制|不受约束"
           "|无限制|没有规则)"),
    _plain(TOOL, 28, "(?:请)?(?:ai|人工智能|智能|语言模型)(?:助手|模型|代理)", "[^\\x00\n]{0,9}?(?:"
           "注意|必须|请先|应当)"),
    _plain(TOOL, 16, "(?:发送|上传|转发|提交)(?:到|给|至)", ""),
)  # fmt: skip
_JAPANESE = (
    _plain(OVERRIDE, 40, "これまで|以前|上記|前述|今まで|すべて|全て|システム",
    "[^\\x00\n]{0,12}?(?:指示"
           "|命令|ルール|規則|プロンプト|制約)[^\\x00\n]{0,18}?(?:無視(?:して|し、|し,|せよ|しろ)"
           "|忘れて|破棄)"),
    _plain(OVERRIDE, 20, "制限なし(?:で|に)", "[^\\x00\n]{0,9}?(?:答え|回答)"),
    _plain(EXTRACTION, 40, "システム(?:プロンプト|メッセージ|指示)", "[^\\x00\n]{0,24}?(?:表示"
    "|出力|教えて"
           "|見せて|そのまま)"),
    _plain(ROLE, 36, "あなたは(?:今から|これから)|今からあなたは", "[^\\x00\n]{0,24}?(?:制限のない"
           "|制約のない|ルールのない|何でもできる)"),
    _plain(OVERRIDE, 12, "決して断らない|絶対に断らない", ""),
)  # fmt: skip
_KOREAN = (
    _plain(OVERRIDE, 40, "이전|지금까지|위의|앞의|모든", "[^\\x00\n]{0,18}?(?:지시|명령|규칙"
    "|지침|프롬프트)"
           "[^\\x00\n]{0,15}?(?:무시|잊어|잊고)"),
    _plain(OVERRIDE, 20, "제한 없이", "[^\\x00\n]{0,12}?(?:대답|답)"),
    _plain(EXTRACTION, 40, "시스템 ?(?:프롬프트|지시|메시지)", "[^\\x00\n]{0,24}?(?:출력|보여"
    "|알려|공개)"),
)  # fmt: skip
_ARABIC = (
    _plain(OVERRIDE, 40, "تجاهل|انس|لا تتبع", "[^\\x00\n]{0,24}?(?:التعليمات|القواعد|الأوامر"
    "|الارشادات)"
           " (?:السابقة|أعلاه|التي)"),
    _plain(OVERRIDE, 20, "أجب", "[^\\x00\n]{0,12}?بدون (?:قيود|حدود)"),
    _plain(EXTRACTION, 40, "اعرض|اكشف|اطبع", "[^\\x00\n]{0,30}?(?:تعليمات النظام|موجه النظام)"),
)  # fmt: skip
_HINDI = (
    _plain(OVERRIDE, 40, "पिछले|ऊपर दिए|पहले के|पूर्व", "[^\\x00\n।]{0,30}?(?:निर्देश|नियम|आदेश)"
           "[^\\x00\n।]{0,24}?(?:अनदेखा|नज़रअंदाज|भूल जा)"),
    _plain(EXTRACTION, 40, "सिस्टम प्रॉम्प्ट", "[^\\x00\n।]{0,40}?(?:दिखा|बता|लिख)"),
)  # fmt: skip

OTHER_LANGUAGES = (
    *_SPANISH, *_FRENCH, *_GERMAN, *_PORTUGUESE, *_ITALIAN, *_DUTCH, *_POLISH, *_TURKISH, *_RUSSIAN,
    *_CHINESE, *_JAPANESE, *_KOREAN, *_ARABIC, *_HINDI,
    Phrase(TOOL, 24, "(?:nota|aviso|mensaje|instruccion)", " (?:para|al?) (?:el |la |o"
    " )?(?:asistente"
           "|ia|modelo|assistente)"),
    Phrase(TOOL, 16, "sin", " (?:avisar|informar|decir\\w{0,3}) (?:al usuario|nada)"),
)  # fmt: skip
