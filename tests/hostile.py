"""Hostile text: expensive to normalise, match, cut, decode or parse. Each entry makes about n characters.

`TEXTS` holds plain text; `HTML`, `MAIL` and `JSON` hold what is expensive in those formats only. The growth tests run each
function over them at several sizes, and the fuzzers mix them with generated text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

Make = Callable[[int], str]
"""Makes about that many characters."""

MARKS = sorted(filter(unicodedata.combining, map(chr, range(0x300, 0x1F000))), key=unicodedata.combining)
"""Every combining mark, by its canonical class. Sorting them is what makes normalisation quadratic."""
_DESCENDING = "".join({unicodedata.combining(mark): mark for mark in reversed(MARKS)}[c] for c in sorted(
    {unicodedata.combining(mark) for mark in MARKS}, reverse=True))  # fmt: skip
_INDIC = "".join(mark for mark in reversed(MARKS) if not "\u0300" <= mark <= "\u036f")
_ZWJ = "\N{WOMAN}\u200d\N{WOMAN}\u200d\N{GIRL}\u200d\N{BOY}"


def repeated(part: str, last: str = "") -> Make:
    """`part` again and again, then `last`."""
    return lambda n: (part * (n // len(part) + 1))[: max(0, n - len(last))] + last


def descending(n: int) -> str:
    """A letter under n marks, those of the highest class first: each has to move past all that came before it."""
    low, high = "\u0334", "\u0301"  # classes 1 and 230
    return "a" + high * (n // 2) + low * (n - n // 2 - 1)


def by_class(n: int) -> str:
    """n marks sorted by falling class: every class is there."""
    share = n // len(set(_DESCENDING)) + 1
    return "".join(mark * share for mark in _DESCENDING)[:n]


def nested(opening: str, closing: str) -> Make:
    """As many opened as closed."""

    def make(n: int) -> str:
        times = max(1, n // (len(opening) + len(closing)))
        return opening * times + closing * times

    return make


TEXTS: dict[str, Make] = {
    "a word": repeated("a"),
    "words": repeated("refund "),
    "marks in falling order": descending,
    "marks of every class": by_class,
    "marks of other scripts": repeated(_INDIC),
    "marks that come apart": repeated("\u0344\u0f73"),
    "letters with marks": repeated("e\u0301\u0323"),
    "marks between joiners": repeated("\u0301\u200d\u0334\ufe0f"),
    "long compatibility forms": repeated("\ufdfa"),
    "folded to several": repeated("\u0390\ufb03"),
    "hangul": repeated("\u1112\u1161\u11ab"),
    "ideographs": repeated("\u4e2d"),
    "thai": repeated("\u0e01\u0e34"),
    "ethiopic": repeated("\u1200"),
    "blanks": repeated(" ", "x"),
    "kinds of blanks": repeated(" \t\u00a0\u2003\u3000", "x"),
    "tabs": repeated("\t", "x"),
    "lines": repeated("\n", "x"),
    "carriage returns": repeated("\r\n", "x"),
    "lone returns": repeated("\r", "x"),
    "lines and blanks": repeated("\n ", "x"),
    "paragraph separators": repeated("\u2028\x85\x0c\x0b", "x"),
    "less": repeated("<"),
    "greater": repeated(">"),
    "quoted lines": repeated("> a\n"),
    "at": repeated("@"),
    "addresses": repeated("a@b.c "),
    "nearly addresses": repeated("a@"),
    "at and quotes": repeated('@"'),
    "mentions": repeated("@a.b.c.d-e'f "),
    "one long mention": lambda n: "@" + "a." * (n // 2),
    "double quotes": repeated('"'),
    "backslashes": repeated("\\"),
    "quoted backslashes": repeated('\\"'),
    "round brackets": repeated("("),
    "nested round brackets": nested("(", ")"),
    "square brackets": repeated("["),
    "curly brackets": repeated("{"),
    "variables": repeated("{{a}}"),
    "unclosed variables": repeated("{{ a"),
    "entities": repeated("&amp;"),
    "unclosed entities": repeated("&a"),
    "number entities": repeated("&#x41;"),
    "ampersands": repeated("&"),
    "long entity": lambda n: "&#" + "1" * n + ";",
    "prefixes": repeated("Re: "),
    "mixed prefixes": repeated("AW:Fwd : Re[2]: "),
    "numbered prefixes": repeated("Re(12): "),
    "nearly prefixes": repeated("re "),
    "prefixes and blanks": repeated("Re:" + " " * 50),
    "colons": repeated(":"),
    "semicolons": repeated(";"),
    "commas": repeated(","),
    "dots": repeated("."),
    "dashes": repeated("-", "x"),
    "underscores": repeated("_"),
    "stars": repeated("*", "x"),
    "exclamations": repeated("!"),
    "equals": repeated("="),
    "slashes": repeated("/"),
    "percent": repeated("%41"),
    "plus": repeated("+"),
    "digits": repeated("7"),
    "digits apart": repeated("7-"),
    "letters and digits": repeated("a1"),
    "other digits": repeated("\u0967"),
    "urls": repeated("https://a.example/ "),
    "one long url": lambda n: "https://a" + ".(" * (n // 2),
    "url beginnings": repeated("https://"),
    "families": repeated(_ZWJ),
    "emoji": repeated("\N{GRINNING FACE}"),
    "flags": repeated("\N{REGIONAL INDICATOR SYMBOL LETTER E}"),
    "joiners": repeated("\u200d"),
    "selectors": repeated("\ufe0f"),
    "directions": repeated("\u202e\u2066"),
    "controls": repeated("\x01\x1e\x1d"),
    "nulls": repeated("\0"),
    "half pairs": repeated("\ud800"),
    "apostrophes": repeated("l'a"),
    "capitals": repeated("GREAT "),
    "angry": repeated("horrible but "),
    "very": repeated("very "),
    "wrote": repeated("On a wrote "),
    "nearly wrote": repeated("On Mon, Jan 1, 2024 at 1:00 PM a "),
    "one long wrote": lambda n: "On " + "a, " * (n // 3) + "wrote:",
    "on": repeated("On "),
    "from": repeated("From: a\n"),
    "from and sent": repeated("From: a\nSent: b\n"),
    "dashes and words": repeated("-----Original Message-----\n"),
    "message ids": repeated("<a@b> "),
    "unclosed ids": repeated("< a"),
    "blank ids": repeated("< ", ">"),
    "uuids": repeated("0190a5f3-1111-7222-8333-444455556666"),
    "backticks": repeated("`"),
    "json paths": repeated(" - at `$"),
    "json fields": repeated("Object contains unknown field `"),
    "tags": repeated("<b>"),
    "subtags": repeated("de-"),
    "bytes": repeated("bytes=0-1,"),
    "netlocs": repeated("http://a:1@"),
}

HTML: dict[str, Make] = {
    "pre and blanks": lambda n: "<pre>x" + " " * n + "x</pre>",
    "pre and lines": lambda n: "<pre>x" + "\n" * n + "x</pre>",
    "pre and tabs": lambda n: "<pre>x" + " \t" * (n // 2) + "x</pre>",
    "pre and lines of blanks": lambda n: "<pre>" + ("\n" + " " * 50) * (n // 51) + "x</pre>",
    "pre, never closed": repeated("<pre> "),
    "pre in pre": nested("<pre> ", "</pre>"),
    "blocks and blanks": repeated("<p>          "),
    "breaks": repeated("<br>"),
    "breaks and blanks": repeated("<br> "),
    "spaces": repeated("&nbsp;"),
    "open tags": repeated("<div>"),
    "open inline tags": repeated("<b><i>"),
    "nested tags": nested("<div>", "</div>"),
    "nested quotes": nested("<blockquote>", "</blockquote>"),
    "nested lists": nested("<ul><li>", "</ul>"),
    "nested tables": nested("<table><tr><td>", "</table>"),
    "tables without rows": repeated("<table>"),
    "foster parents": repeated("<table><b>"),
    "badly nested": repeated("<a><b></a>"),
    "formatting": lambda n: "<p><font>" * (n // 18) + "</p>" * (n // 8),
    "adoption": lambda n: "<b>" * (n // 8) + "<p></b>" * (n // 14),
    "closing tags": repeated("</div>"),
    "odd closing tags": repeated("</p>"),
    "unknown tags": repeated("<x-a>"),
    "script": lambda n: "<script>" + "<" * n,
    "style": lambda n: "<style>" + "</styl" * (n // 6),
    "textarea": lambda n: "<textarea>" + "</" * (n // 2),
    "comments": repeated("<!-- -->"),
    "open comment": lambda n: "<!--" + "-" * n,
    "comment ends": lambda n: "<!--" + "--!" * (n // 3),
    "open declarations": repeated("<!a"),
    "marked sections": repeated("<![CDATA["),
    "instructions": repeated("<?a"),
    "open tag of blanks": lambda n: "<a" + " " * n,
    "attributes": lambda n: "<a " + "a " * (n // 2) + ">",
    "attributes of one name": lambda n: "<a " + "a=b " * (n // 4) + ">",
    "attributes of many names": lambda n: "<a " + " ".join(f"a{i}=b" for i in range(n // 8)) + ">",
    "open attribute": lambda n: '<a href="' + "a" * n,
    "open attributes": repeated('<a href="'),
    "quotes in attributes": lambda n: "<a href='" + '"' * n + "'>",
    "slashes in a tag": lambda n: "<a" + "/" * n + ">",
    "long tag name": lambda n: "<" + "a" * n + ">",
    "open tags without an end": repeated("<a "),
    "style properties": lambda n: '<p style="' + "color:red;" * (n // 10) + '">x</p>',
    "open style functions": lambda n: '<p style="color:' + "rgb(" * (n // 4) + '">x</p>',
    "style comments": lambda n: '<p style="' + "/*" * (n // 2) + '">x</p>',
    "style brackets": lambda n: '<p style="' + "{[(" * (n // 3) + '">x</p>',
    "long href": lambda n: '<a href="https://a/' + "%2e/../" * (n // 7) + '">x</a>',
    "links": repeated('<a href="https://a">x</a>'),
    "pictures": repeated("<img alt='a b'>"),
    "long alt": lambda n: "<img alt='" + " " * n + "x'>",
    "svg": repeated("<svg><a>"),
    "math": repeated("<math><mi>"),
    "select": repeated("<select><option>"),
    "templates": repeated("<template>"),
    "ruby": repeated("<ruby><rt>"),
}
"""HTML alone; what reads HTML is given `TEXTS` too."""

MAIL: dict[str, Make] = {
    "addresses in a list": repeated("a <a@b.c>, "),
    "open comments": repeated("("),
    "nested comments": nested("(", ")"),
    "escaped comments": repeated("(\\)"),
    "open quotes": repeated('"a" '),
    "routes": repeated("@a,", ":b@c"),
    "groups": repeated("a:b@c;"),
    "domain literals": repeated("a@["),
    "angle brackets": repeated("<<"),
    "encoded words": repeated("=?utf-8?q?=41?= "),
    "base64 words": repeated("=?utf-8?b?QQ==?= "),
    "open encoded words": repeated("=?utf-8?q?"),
    "nearly encoded words": repeated("=?a?"),
    "boundaries": repeated("--boundary\r\n"),
    "parameters": repeated('; a="b"'),
    "folded": repeated("\r\n a"),
    "references": repeated("<0190a5f3-1111-7222-8333-444455556666@mtasv.net> "),
    "dates": repeated("Mon, 1 Jan 2024 00:00:00 +0000 "),
    "numbers and colons": repeated("1:"),
}
"""Mail headers; what reads them is given `TEXTS` too."""

JSON: dict[str, Make] = {
    "arrays": nested("[", "]"),
    "open arrays": repeated("["),
    "objects": lambda n: '{"a":' * (n // 6) + "1" + "}" * (n // 6),
    "empty arrays": lambda n: '{"a":[' + "[]," * (n // 3) + "[]]}",
    "numbers": lambda n: '{"a":[' + "1," * (n // 2) + "1]}",
    "long number": lambda n: '{"a":' + "1" * n + "}",
    "exponents": lambda n: '{"a":1e' + "1" * n + "}",
    "keys": lambda n: "{" + ",".join(f'"{i:x}":1' for i in range(n // 10)) + "}",
    "one key": lambda n: "{" + '"a":1,' * (n // 6) + '"a":1}',
    "escapes": lambda n: '{"a":"' + "\\u0041" * (n // 6) + '"}',
    "nulls": lambda n: '{"a":"' + "\\u0000" * (n // 6) + '"}',
    "half pairs": lambda n: '{"a":"' + "\\ud800" * (n // 6) + '"}',
    "backslashes": lambda n: '{"a":"\\ud800' + "\\\\" * (n // 2) + '"}',
    "open text": lambda n: '{"a":"\\ud800' + "a" * n,
    "open escapes": lambda n: '{"a":"' + "\\u" * (n // 2),
    "bad utf-8": lambda n: '{"a":"' + "\udcff" * n + '"}',
    "blanks": lambda n: " " * n + "{}",
}
"""JSON documents. Half pairs in them stand for bytes that are not UTF-8: encode with `surrogateescape`."""
