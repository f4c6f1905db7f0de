"""Programs that want out of the sandbox, or want it all: CANARY, TARGET, PORT and PID are put in by the test.

Each comes with what may become of it. `ok` stands only where a program catches its refusal, or where what it asked for is done
within the limits.
"""

from __future__ import annotations

LIMIT, REFUSED, OWN = ("limit",), ("unsupported",), ("failed",)
WALK = ("failed", "unsupported")

ATTACKS: dict[str, tuple[str, tuple[str, ...]]] = {
    # time
    "endless loop": ("while True: pass", LIMIT),
    "endless loop that catches all": ("while True:\n    try:\n        while True: pass\n    except BaseException: pass", LIMIT),
    "endless finally": ("try:\n    while True: pass\nfinally:\n    while True: pass", LIMIT),
    "endless builtin": ("sum(range(10**12))", LIMIT),
    "endless iterator": ("import itertools\nmax(itertools.cycle([1]))", LIMIT),
    "endless comparison": ("a = b = [1]\nfor n in range(40):\n    a, b = [a, a], [b, b]\na == b", ("limit", "ok")),
    "endless comparison of two": ("a, b = [1], [1]\nfor n in range(40):\n    a, b = [a, a], [b, b]\na == b", LIMIT),
    "endless hash": ("class A:\n    def __hash__(self):\n        while True: pass\n{A(): 1}", LIMIT),
    "sleep": ("import time\ntime.sleep(30)", LIMIT),
    "many sleeps": ("import time\nfor n in range(10**6): time.sleep(0.01)", LIMIT),
    "asyncio sleep": ("import asyncio\nawait asyncio.sleep(30)", LIMIT),
    "regex (a+)+$": ("import re\nre.match('(a+)+$', 'a' * 5000 + 'b')", ("ok", "limit")),
    "regex back reference": ("import re\nre.match(r'(.*)*\\1x', 'a' * 5000)", LIMIT),
    "regex look ahead": ("import re\nre.findall('(?=(a+))a*b', 'a' * 100000)", ("ok", "limit")),
    "regex too large": ("import re\nre.compile('(a{1000}){1000}{1000}')", ("unsupported", "limit")),
    # memory
    "doubled list": ("a = [1]\nwhile True: a = a + a", LIMIT),
    "growing list": ("a = []\nwhile True: a.append('x' * 1000)", LIMIT),
    "long text": ("'a' * 10**10", LIMIT),
    "long format": ("f'{1:>100000000000}'", LIMIT),
    "long replacement": ("('a' * 10**6).replace('a', 'b' * 1000)", LIMIT),
    "product": ("import itertools\nlist(itertools.product(range(1000), repeat=5))", LIMIT),
    "range to list": ("list(range(10**9))", LIMIT),
    "bytes": ("bytes(10**10)", LIMIT),
    "shared list printed": ("a = [1]\nfor n in range(30): a = [a, a]\nprint(a)", LIMIT),
    "shared list given back": ("a = [1]\nfor n in range(30): a = [a, a]\na", ("ok",)),
    "deep list given back": ("a = []\nfor n in range(100000): a = [a]\na", ("ok",)),
    "list of itself given back": ("a = []\na.append(a)\na", ("ok",)),
    # big integers
    "power": ("9 ** 9 ** 9", LIMIT),
    "shift": ("1 << 10**11", LIMIT),
    "factorial": ("import math\nmath.factorial(10**7)", LIMIT),
    "integer to text": ("str(10**100000)", OWN),
    "decimal": ("from decimal import Decimal\nint(Decimal('1e999999999'))", ("limit", "failed")),
    # recursion and nesting
    "recursion": ("def f(): return f()\nf()", LIMIT),
    "recursion by eval": ("def f(n): return eval('f(n + 1)')\nf(0)", ("limit", "failed")),
    "recursive repr": ("class A:\n    def __repr__(self): return repr(self)\nrepr(A())", LIMIT),
    "brackets": ("(" * 50_000 + ")" * 50_000, WALK),
    "signs": ("-" * 90_000 + "1", WALK),
    "attributes": ("a" + ".a" * 40_000, WALK),
    "indents": ("\n".join(" " * n + "if 1:" for n in range(300)), WALK),
    "nested f-strings": ("f'{" * 20_000, WALK),
    "nested json": ("import json\njson.loads('[' * 100000)", ("limit", "failed")),
    "evaluated brackets": ("eval('(' * 100000)", WALK),
    # files
    "open": ("print(open('CANARY').read())", REFUSED),
    "open and catch": ("try:\n    print(open('CANARY').read())\nexcept Exception as error:\n    print('no')", ("ok",)),
    "pathlib": ("from pathlib import Path\nprint(Path('CANARY').read_text())", REFUSED),
    "write": ("open('TARGET', 'w').write('here')", REFUSED),
    "write by pathlib": ("from pathlib import Path\nPath('TARGET').write_text('here')", REFUSED),
    "delete": ("import os\nos.remove('CANARY')", REFUSED),
    "list a folder": ("import os\nprint(os.listdir('/'))", REFUSED),
    "make a folder": ("import os\nos.mkdir('TARGET')", REFUSED),
    "descriptor": ("import os\nos.write(1, b'here')", REFUSED),
    "process memory": ("open('/proc/self/mem', 'rb').read()", REFUSED),
    "include": ("import sys\nsys.path.insert(0, '/')\nimport canary", REFUSED),
    # network
    "socket": ("import socket\nsocket.create_connection(('127.0.0.1', PORT))", REFUSED),
    "urllib": ("import urllib.request\nurllib.request.urlopen('http://127.0.0.1:PORT')", REFUSED),
    "http.client": ("import http.client\nhttp.client.HTTPConnection('127.0.0.1', PORT).request('GET', '/')", REFUSED),
    "asyncio connection": (
        "import asyncio\nasyncio.run(asyncio.open_connection('127.0.0.1', PORT))",
        ("unsupported", "failed"),
    ),
    # environment
    "environ": ("import os\nprint(os.environ['SECRET_KEY'])", REFUSED),
    "getenv": ("import os\nprint(os.getenv('SECRET_KEY'))", REFUSED),
    "environment by /proc": ("print(open('/proc/self/environ').read())", REFUSED),
    # processes and threads
    "system": ("import os\nos.system('touch TARGET')", REFUSED),
    "popen": ("import os\nos.popen('touch TARGET')", REFUSED),
    "subprocess": ("import subprocess\nsubprocess.run(['touch', 'TARGET'])", REFUSED),
    "fork": ("import os\nwhile True: os.fork()", REFUSED),
    "exec": ("import os\nos.execv('/bin/sh', ['sh'])", REFUSED),
    "kill": ("import os\nos.kill(PID, 9)", REFUSED),
    "threading": ("import threading\nthreading.Thread(target=print).start()", REFUSED),
    "multiprocessing": ("import multiprocessing\nmultiprocessing.Process(target=print).start()", REFUSED),
    "signal": ("import signal\nsignal.alarm(0)", REFUSED),
    "many tasks": (
        "import asyncio\nasync def f(): await asyncio.sleep(0.05)\n"
        "async def g(): await asyncio.gather(*[f() for _ in range(10000)])\nasyncio.run(g())",
        LIMIT,
    ),
    # ways out of the interpreter
    "__import__": ("__import__('os').system('touch TARGET')", WALK),
    "importlib": ("import importlib\nimportlib.import_module('os').system('touch TARGET')", REFUSED),
    "ctypes": ("import ctypes\nctypes.CDLL(None).system(b'touch TARGET')", REFUSED),
    "builtins": ("__builtins__['open']('CANARY').read()", WALK),
    "builtins kept": ("mine = open\ndef f(): return mine\nprint(f()('CANARY').read())", REFUSED),
    "subclasses": ("print(().__class__.__base__.__subclasses__())", WALK),
    "mro": ("print(int.__mro__[1].__subclasses__())", WALK),
    "globals of a function": ("print((lambda: 0).__globals__)", WALK),
    "code of a function": ("(lambda: 0).__code__.replace(co_code=b'')", WALK),
    "frames": ("import sys\nsys._getframe().f_back.f_globals", REFUSED),
    "traceback": ("try:\n    1 / 0\nexcept Exception as error:\n    print(error.__traceback__.tb_frame.f_globals)", WALK),
    "format walk": ("print('{0.__class__.__init__.__globals__}'.format(1))", WALK),
    "getattr walk": ("getattr(1, '__cl' + 'ass__')", WALK),
    "eval": ("eval(\"open('CANARY').read()\")", REFUSED),
    "exec of a text": ("exec(\"import os\\nos.system('touch TARGET')\")", REFUSED),
    "compile": ("compile('1', '', 'eval')", REFUSED),
    "type": ("type('A', (), {})", ("ok",)),
    "patched builtin type": ("int.real = 1", OWN),
    "pickle": ("import pickle\npickle.loads(b\"cos\\nsystem\\n(S'touch TARGET'\\ntR.\")", REFUSED),
    "marshal": ("import marshal\nmarshal.loads(b'')", REFUSED),
    "collector": ("import gc\ngc.get_objects()", REFUSED),
    "asking the host": ("while True:\n    try:\n        nobody_knows\n    except NameError: pass", LIMIT),
    # output
    "print flood": ("while True: print('x' * 1000)", LIMIT),
    "one long line": ("print('x' * 10**7)", LIMIT),
    "stderr flood": ("import sys\nwhile True: print('x' * 1000, file=sys.stderr)", LIMIT),
    "long error": ("raise ValueError('x' * 10**6)", OWN),
    "long value": ("'x' * 10**7", ("ok",)),
}
