"""The table of the `code-safety` guardrail: kind, severity, expression.

high: destroys data or hands a machine over. medium: runs text as code, or deletes trees. low:
starts a process. Expressions are those of `regex_syntax`; a leading `~` ignores case. A call with
nothing in its brackets is a mention ("never use eval()") and stays.
"""

from __future__ import annotations

ARGUMENT = r"\s{0,4}\(\s{0,8}[^\s)]"
CALLED = (
    r"(?:\(\s{0,8}[^\s)]|\s{1,4}\(\s{0,8}[\"'`$\n(]|\s{1,4}\([\w.]{1,40}\)\s{0,2};|\s{0,2}\n\()"
)
"""With a space before the bracket a word in it is prose: `the eval (see below)`."""
QUOTED = r"\s{0,4}\(\s{0,8}[\"'`$]"
_SHELL = r"(?:/?(?:usr/)?(?:local/)?bin/)?(?:env\s{1,3})?(?:ba|z|da|k|c|tc|fi|a)?sh\b"
_RUNS = r"(?:" + _SHELL + r"|(?:python[23]?|perl|ruby|node|php)\b)"
_SUDO = r"(?:sudo\s{1,4}(?:-\w{1,6}\s{1,3}){0,2})?"
_DISK = r"/dev/(?:sd|hd|vd|xvd|nvme|mmcblk|disk|rdisk)[a-z0-9]"
_RUN = r"(?:run|call|Popen|check_call|check_output|getoutput|getstatusoutput)"
_INSIDE = r"[^()]{0,200}(?:\([^()]{0,80}\)[^()]{0,80}){0,2}"
_RM = r"(?<![\w.-])rm\s{1,4}(?:-[\w-]{1,20}\s{1,4}){0,3}-(?:[a-zA-Z]{0,8}[rR][a-zA-Z]{0,8}"
_RM += r"|-recursive)\s{1,4}(?:-[\w-]{1,20}\s{1,4}){0,3}"
_FETCH = r"(?:invoke-webrequest|invoke-restmethod|iwr|irm|downloadstring)"
_PICKLES = r"(?:c?[pP]ickle|dill|cloudpickle|marshal)"

RULES = (
    # --- text that runs as code: CWE-95, OWASP "Code Injection"
    ("EVAL", "medium", r"(?<![\w.$>:-])eval" + CALLED),
    ("EVAL", "medium", r"\b(?:window|globalThis|global|builtins|__builtins__)\.eval" + ARGUMENT),
    ("EVAL", "medium", r"\bnew\s{1,4}Function" + ARGUMENT),
    ("EVAL", "medium", r"(?<![\w.])(?:Function|setTimeout|setInterval)\(\s{0,4}[\"'`]"),
    ("EVAL", "medium", r"\bvm\.(?:runIn(?:New|This)?Context|compileFunction)" + ARGUMENT),
    ("EVAL", "medium", r"\[\s{0,2}[\"'](?:eval|exec)[\"']\s{0,2}\]\s{0,2}\("),
    ("EVAL", "medium", r"\(\s{0,2}(?:0|1|null)\s{0,2},\s{0,2}eval\s{0,2}\)|\.then\(\s{0,2}eval\b"),
    ("EVAL", "medium",
     r"\bgetattr\(\s{0,3}(?:__)?(?:os|subprocess|builtins)(?:__)?\s{0,2},\s{0,3}[\"']"),
    ("EVAL", "medium", r"(?<![\w-])eval\s{1,4}[\"']?\$(?:\{|\w)"),
    ("EVAL", "medium", r"~(?<![\w-])(?:invoke-expression|iex)\s{1,4}[($\"'&]"),
    ("EXEC", "medium", r"(?<![\w.$>:-])exec" + CALLED),
    ("EXEC", "medium", r"\b(?:builtins\.exec|execfile|os\.exec[lv]p?e?)" + ARGUMENT),
    ("EXEC", "medium", r"\bexec(?:l|le|lp|v|ve|vp|vpe)\s{0,2}\(\s{0,4}\"/"),
    ("EXEC", "medium", r"\bcompile\s{0,4}\([^()\n]{1,200}[\"'](?:exec|eval)[\"']"),
    # --- processes: CWE-78, docs.python.org/library/subprocess "Security Considerations"
    ("OS_SYSTEM", "medium", r"\b(?:os|commands)\.(?:system|popen|getoutput)" + ARGUMENT),
    ("OS_SYSTEM", "medium", r"\bos\.(?:spawn[lv]p?e?|posix_spawnp?)" + ARGUMENT),
    ("OS_SYSTEM", "medium", r"\b__import__\(\s{0,2}[\"'](?:os|subprocess|pty)[\"']"),
    ("OS_SYSTEM", "medium",
     r"\bfrom\s{1,4}os\s{1,4}import\s{1,4}[^\n;#]{0,60}\b(?:system|popen|exec[lv]p?e?)\b"),
    ("OS_SYSTEM", "medium", r"\bstd::system" + ARGUMENT),
    ("OS_SYSTEM", "medium",
     r"(?<![\w.$>:-])(?:system\(\s{0,4}\w{1,30}\s{0,2}\)\s{0,2};|popen\(\s{0,4}\w{1,30},\s{0,2}\"[rw]\")"),
    ("OS_SYSTEM", "medium",
     r"(?<![\w.$>:-])(?:system|popen|shell_exec|passthru|proc_open)\(\s{0,8}[\"'`$]"),
    ("OS_SYSTEM", "medium", r"\bRuntime\.getRuntime\(\)\s{0,20}\.\s{0,4}exec\s{0,4}\("),
    ("SUBPROCESS_SHELL", "medium",
     r"\bsubprocess\." + _RUN + r"\s{0,4}\(" + _INSIDE + r"\bshell\s{0,3}=\s{0,3}(?:True|1)\b"),
    ("SUBPROCESS_SHELL", "medium",
     r"\b(?:\w{1,20}\.)?" + _RUN + r"\(" + _INSIDE + r"\bshell\s{0,3}=\s{0,3}True\b"),
    ("SUBPROCESS_SHELL", "medium", r"\bsubprocess\.get(?:status)?output" + ARGUMENT),
    ("SUBPROCESS_SHELL", "medium", r"\bcreate_subprocess_shell" + ARGUMENT),
    ("SUBPROCESS", "low", r"\bsubprocess\." + _RUN + ARGUMENT),
    ("SUBPROCESS", "low",
     r"\b(?:from\s{1,4}subprocess\s{1,4}import|import\s{1,4}subprocess\s{1,4}as)\b"),
    ("SUBPROCESS", "low", r"\bcreate_subprocess_exec" + ARGUMENT),
    ("SUBPROCESS", "low", r"\bnew\s{1,4}ProcessBuilder" + ARGUMENT),
    ("SUBPROCESS", "low",
     r"\b(?:exec\.Command(?:Context)?|Process\.Start|Command::new)" + ARGUMENT),
    ("CHILD_PROCESS", "medium",
     r"\b(?:require|import)\s{0,4}\(\s{0,4}[\"'](?:node:)?child_process[\"']"),
    ("CHILD_PROCESS", "medium", r"\bfrom\s{1,4}[\"'](?:node:)?child_process[\"']"),
    ("CHILD_PROCESS", "medium",
     r"\bchild_process\.(?:exec|spawn|execFile)(?:Sync)?" + ARGUMENT),
    ("CHILD_PROCESS", "medium",
     r"\bcp\.(?:exec|spawn)(?:Sync)?\(\s{0,4}[\"'`]|\bDeno\.(?:run|Command)\(|\bexeca\([\"'`]"),
    ("CHILD_PROCESS", "medium", r"(?<![\w.])(?:execSync|spawnSync|execFileSync)" + QUOTED),
    # --- deletion
    ("RECURSIVE_DELETE", "high", _RM + r"[\"']?(?:/|~|\*|\.\.|\$\{?\w)"),
    ("RECURSIVE_DELETE", "high", r"(?<![\w.-])rm\s{1,4}[^\n|;]{0,60}--no-preserve-root\b"),
    ("RECURSIVE_DELETE", "medium", _RM + r"[\w.\"'\[{][^\s`;|]{0,80}"),
    ("RECURSIVE_DELETE", "high", r"\bxargs\s[^\n|;]{0,40}\brm\s{1,3}-[a-zA-Z]{0,8}[rR]"),
    ("RECURSIVE_DELETE", "high", r"~\b(?:del|erase|rd|rmdir)\s{1,3}(?:/[a-z]\s{1,3}){0,3}/s\b"),
    ("RECURSIVE_DELETE", "high", r"~\bremove-item\b[^\n|;]{0,120}\s-recurse\b"),
    ("RECURSIVE_DELETE", "high", r"(?<![\w.-])find\s{1,3}[^\n|;]{1,120}\s-delete\b"),
    ("TREE_REMOVAL", "medium",
     r"\b(?:shutil\.rmtree|os\.RemoveAll|FileUtils\.deleteDirectory)" + ARGUMENT),
    ("TREE_REMOVAL", "medium",
     r"\b(?:rm|rmSync|rmdir|rmdirSync)\s{0,4}\([^()]{1,150}\brecursive\s{0,3}:\s{0,3}true\b"),
    ("TREE_REMOVAL", "medium",
     r"\b(?:FileUtils\.rm_rf?|fs::remove_dir_all|rimraf(?:\.sync)?)" + ARGUMENT),
    ("TREE_REMOVAL", "medium", r"\bDirectory\.Delete\s{0,2}\([^()\n]{1,100},\s{0,3}true\b"),
    # --- disks: dd(1), mkfs(8), wipefs(8), shred(1)
    ("DISK_WRITE", "high", r"(?<![\w.-])dd\s{1,4}[^\n|;]{0,120}\bof=" + _DISK),
    ("DISK_WRITE", "high", r">\s{0,3}" + _DISK),
    ("DISK_WRITE", "high",
     r"(?<![\w.-])(?:mkfs(?:\.\w{2,8})?|mke2fs|wipefs|shred|blkdiscard)\s{1,4}[^\n|;]{0,80}/dev/\w"),
    ("DISK_WRITE", "high", r"~(?<![\w.-])format(?:\.com)?\s{1,3}[a-z]:\s{1,3}/[a-z]"),
    ("DISK_WRITE", "high", r"~\b(?:format-volume|clear-disk)\s{1,3}-\w"),
    # --- downloads that run at once
    ("PIPE_TO_SHELL", "high",
     r"\b(?:curl|wget)\s{1,4}[^\n|;]{1,300}(?:\|[^\n|;]{1,60}){0,2}\|\s{0,4}" + _SUDO + _RUNS),
    ("PIPE_TO_SHELL", "high",
     r"\b(?:curl|wget)\s{1,4}[^\n|;&]{1,300}&&\s{0,4}" + _SUDO + _SHELL + r"\s"),
    ("PIPE_TO_SHELL", "high",
     r"\bbase64\s{1,3}(?:-d|-D|--decode)\b[^\n|;]{0,60}\|\s{0,4}" + _SUDO + _RUNS),
    ("PIPE_TO_SHELL", "high",
     _RUNS + r"\s{1,3}(?:-[ce]\s{1,3}[\"']?(?:\$\(|`)|<\()\s{0,3}(?:curl|wget)\b"),
    ("PIPE_TO_SHELL", "high",
     r"(?<![\w-])(?:eval|source|\.)\s{1,3}[\"']?(?:\$\(|<\(|`)\s{0,3}(?:curl|wget)\b"),
    ("DOWNLOAD_CRADLE", "high",
     r"~(?<![\w-])(?:iex|invoke-expression)\b[^\n|;]{0,120}\b" + _FETCH + r"\b"),
    ("DOWNLOAD_CRADLE", "high",
     r"~\b" + _FETCH + r"\b[^\n|]{1,200}\|\s{0,3}(?:iex|invoke-expression)\b"),
    ("DOWNLOAD_CRADLE", "high",
     r"~\bnet\.webclient\)?\s{0,2}\.\s{0,2}download(?:string|file|data)\b"),
    ("DOWNLOAD_CRADLE", "high",
     r"~\b(?:powershell|pwsh)(?:\.exe)?\s[^\n|;]{0,120}-e(?:c|nc|ncodedcommand)?\s{1,3}[a-z0-9+/=]{20}"),
    ("DOWNLOAD_CRADLE", "high", r"~\bcertutil(?:\.exe)?\s[^\n|;]{0,80}[-/]urlcache\b"),
    ("DOWNLOAD_CRADLE", "high", r"~\b(?:mshta|regsvr32)(?:\.exe)?\s[^\n|;]{0,60}https?://"),
    ("DOWNLOAD_CRADLE", "high", r"~\bbitsadmin(?:\.exe)?\s[^\n|;]{0,60}/transfer\b"),
    # --- fork bombs
    ("FORK_BOMB", "high",
     r"[\w:.]{1,20}\s{0,2}\(\s{0,2}\)\s{0,2}\{\s{0,4}[\w:.]{1,20}\s{0,2}\|\s{0,2}"
     r"[\w:.]{1,20}\s{0,2}&\s{0,2};?\s{0,2}\}\s{0,2};?\s{0,4}[\w:.]{1,20}"),
    ("FORK_BOMB", "high", r"%0\s{0,2}\|\s{0,2}%0"),
    ("FORK_BOMB", "high", r"\bwhile\s{1,3}(?:True|1)\s{0,2}:\s{0,16}os\.fork\s{0,2}\("),
    ("FORK_BOMB", "high",
     r"\bwhile\s{0,2}\(\s{0,2}(?:1|true)\s{0,2}\)\s{0,4}\{?\s{0,8}fork\s{0,2}\("),
    ("FORK_BOMB", "high", r"\bfork\s{1,3}while\s{1,3}fork\b"),
    # --- reverse shells: attack.mitre.org T1059
    ("REVERSE_SHELL", "high", r"\b(?:ba|z|k)?sh\s{1,3}-i\s{0,3}[<>&0-9 ]{1,8}/dev/(?:tcp|udp)/"),
    ("REVERSE_SHELL", "high", r"\bexec\s{1,3}\d{1,3}<>\s{0,3}/dev/(?:tcp|udp)/"),
    ("REVERSE_SHELL", "high",
     r"(?<![\w.-])(?:nc|ncat|netcat|nc\.traditional)\s{1,3}[^\n|;]{0,80}-[a-z]{0,4}[ec]\s{1,3}[\"']?"
     r"(?:" + _SHELL + r"|cmd(?:\.exe)?\b|powershell)"),
    ("REVERSE_SHELL", "high", r"(?<![\w.-])mkfifo\s{1,3}[^\n]{1,160}\|\s{0,3}n(?:c|cat|etcat)\s"),
    ("REVERSE_SHELL", "high", r"\bsocket\.socket\s{0,2}\([\w\W]{0,400}\bos\.dup2\s{0,2}\("),
    ("REVERSE_SHELL", "high", r"\bpty\.spawn\s{0,2}\(\s{0,3}\[?[\"']" + _SHELL),
    ("REVERSE_SHELL", "high",
     r"\bfsockopen\s{0,2}\([^()\n]{1,80}\)\s{0,2};\s{0,4}(?:exec|shell_exec|system|proc_open|passthru)"),
    ("REVERSE_SHELL", "high", r"~\bsocat\s[^\n|;]{0,120}\bexec:[\"']?" + _SHELL),
    ("REVERSE_SHELL", "high", r"~\bnew-object\s{1,3}(?:system\.)?net\.sockets\.tcpclient\b"),
    # --- databases
    ("TABLE_DROP", "high",
     r"\bDROP\s{1,4}(?:TABLE|DATABASE|SCHEMA)\s{1,4}(?:IF\s{1,4}EXISTS\s{1,4})?"
     r"[\w\"`\[]"),
    ("TABLE_DROP", "high",
     r"~\bdrop\s{1,4}(?:table|database|schema)\s{1,4}(?:if\s{1,4}exists\s{1,4})?"
     r"[\w.\"`\[\]]{1,64}\s{0,4}(?:;|cascade\b|--)"),
    ("TABLE_DROP", "medium", r"\b(?:op\.drop_table|dropTable|dropDatabase)" + ARGUMENT),
    # --- objects from bytes: CWE-502, docs.python.org/library/pickle warning
    ("UNSAFE_DESERIALISATION", "medium", r"\b" + _PICKLES + r"\.(?:loads?|Unpickler)" + ARGUMENT),
    ("UNSAFE_DESERIALISATION", "medium", r"\b(?:jsonpickle\.decode|joblib\.load)" + ARGUMENT),
    ("UNSAFE_DESERIALISATION", "medium",
     r"\byaml\.load(?:_all)?\s{0,3}\(\s{0,8}(?:[^(),\n]{1,80}|[^(),\n]{0,40}\([^()\n]{0,60}\)[^(),\n]{0,20})"
     r"(?:\)|,\s{0,8}(?:Loader\s{0,2}=\s{0,2})?(?:yaml\.)?(?:Unsafe|Full)?Loader\s{0,8}\))"),
    ("UNSAFE_DESERIALISATION", "medium", r"\byaml\.unsafe_load(?:_all)?" + ARGUMENT),
    ("UNSAFE_DESERIALISATION", "medium",
     r"\bnew\s{1,4}(?:ObjectInputStream|XMLDecoder|BinaryFormatter)\s{0,2}\("),
    ("UNSAFE_DESERIALISATION", "medium", r"(?<![\w.>:])unserialize\s{0,3}\(\s{0,3}\$"),
    ("UNSAFE_DESERIALISATION", "medium", r"\bMarshal\.load" + ARGUMENT),
    ("UNSAFE_DESERIALISATION", "medium", r"\bTypeNameHandling\.(?:All|Auto|Objects)\b"),
)  # fmt: skip
