# SPDX-License-Identifier: MIT
"""What the proof tools share: the tables in proofs/, and the readers of C, ACSL and Coq text."""

import hashlib
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
MANIFEST = ROOT / "proofs" / "manifest.json"
# How a file is given to Frama-C, to be proved or to be broken.
WP = ["frama-c", "-c11", "-machdep", "gcc_x86_64", "-wp", "-wp-rte", "-wp-prover", "cvc4,z3",
      "-wp-par", "1", "-cpp-extra-args=-D__FRAMAC__ -Iinclude -D_GNU_SOURCE", "-kernel-warn-key",
      "annot-error=abort", "-wp-warn-key", "pedantic-assigns=inactive"]


def digest(*parts):
    """SHA-256 over the parts, each behind its length."""
    h = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        h.update(len(data).to_bytes(8, "big") + data)
    return h.hexdigest()


def file_digest(path):
    """What sha256sum prints."""
    return hashlib.sha256((ROOT / path).read_bytes()).hexdigest()


def text_digest(text):
    """Of a statement or a function: blanks and line breaks do not count."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()


# ---- Tables -------------------------------------------------------------------------------------

def rows_of(name):
    path = ROOT / "proofs" / name
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def wp_table():
    """[(file, None for all functions or the set of their names)]"""
    table = []
    for row in rows_of("wp.txt"):
        path, _, names = row.partition(":")
        table.append((path, None if names.strip() == "all" else set(names.split())))
    return table


def axioms_table():
    """name -> why"""
    return {name.strip(): why.strip()
            for name, _, why in (row.partition(":") for row in rows_of("axioms.txt"))}


def pairs_table():
    """[(ACSL logic function or predicate, Coq definition, file, C function)]"""
    table = []
    for row in rows_of("pairs.txt"):
        logic, coq, where = (part.strip() for part in row.split("|"))
        path, _, function = where.partition(":")
        table.append((logic, coq, path, function))
    return table


# ---- C and ACSL ---------------------------------------------------------------------------------

def blanked(source):
    """The source with comments, literals and directives turned into blanks of the same length."""
    pattern = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|"
                         r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.S | re.M)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), source)


class Function:
    """A function's definition or prototype: where it stands, and its contract ("" for none)."""

    def __init__(self, source, name, start, end, contract, is_definition):
        self.name, self.start, self.end = name, start, end
        self.contract, self.is_definition = contract, is_definition
        self.text = source[start:end]


CONTRACT = re.compile(r"\b(requires|assigns|ensures|behavior|terminates|decreases)\b")
LOGIC_ONLY = re.compile(r"^/\*@\s*(//[^\n]*\n\s*)*(predicate|logic|axiomatic|lemma|ghost|inductive|"
                        r"type|global)\b")


def contract_before(region):
    """The last ACSL comment of the text in front of a function, when it is a contract."""
    comments = re.findall(r"/\*@.*?\*/|(?://@[^\n]*\n\s*)+", region, re.S)
    last = comments[-1] if comments else ""
    return last if CONTRACT.search(last) and not LOGIC_ONLY.match(last) else ""


def functions_of(source):
    """All functions that the text defines or declares, in order."""
    code, found = blanked(source), []
    depth, start = 0, 0
    for i, char in enumerate(code):
        if char in "({[":
            depth += 1
        elif char in ")}]":
            depth -= 1
        if depth == 0 and char in ";}":
            item = code[start:i + 1]
            head = re.sub(r"__attribute__\s*\(\(.*?\)\)", lambda m: " " * len(m.group(0)), item)
            match = re.match(r"[^(){}=;]*?\b(\w+)\s*\(", head)
            body = head.find("{")
            is_enum = body >= 0 and "(" not in head[:body]
            if match and not is_enum and not match.group(1).startswith("_"):
                at = start + len(item) - len(item.lstrip())
                found.append(Function(source, match.group(1), at, i + 1,
                                      contract_before(source[start:at]), char == "}"))
            start = i + 1
    return found


def includes_of(path, seen=None):
    """The file and every header of the project that it includes, in order."""
    seen = [] if seen is None else seen
    if path in seen or not path.exists():
        return seen
    seen.append(path)
    for kind, name in re.findall(r'^\s*#\s*include\s*([<"])([^>"]+)', path.read_text(), re.M):
        found = path.parent / name if kind == '"' else ROOT / "include" / name
        includes_of(found.resolve(), seen)
    return seen


NO_FUNCTIONS = {"if", "for", "while", "switch", "return", "sizeof", "offsetof", "defined"}


class Unit:
    """One row of proofs/wp.txt: a C file as the preprocessor puts it together."""

    def __init__(self, path, wanted):
        self.path, self.files = path, includes_of((ROOT / path).resolve())
        self.texts = [f.read_text() for f in self.files]
        source = self.texts[0] if self.texts else ""
        self.defined = {f.name: f for f in functions_of(source) if f.is_definition}
        self.declared = {}
        for text in self.texts:
            for f in functions_of(text):
                if f.name not in self.declared or not self.declared[f.name].contract:
                    self.declared[f.name] = f
        # Headers may define functions; those are proved where they are used.
        for text in self.texts[1:]:
            self.defined.update({f.name: f for f in functions_of(text)
                                 if f.is_definition and wanted and f.name in wanted})
        self.proved = sorted(set(self.defined) if wanted is None else wanted)

    def contract(self, name):
        own = self.defined.get(name)
        if own and own.contract:
            return own.contract
        return self.declared[name].contract if name in self.declared else ""

    def calls(self, name):
        """Names of the functions that the function's body uses."""
        if name not in self.defined:
            return set()
        body = blanked(self.defined[name].text).partition("{")[2]
        called = set(re.findall(r"\b([a-z]\w*)\s*\(", body)) - NO_FUNCTIONS
        named = set(re.findall(r"(?<!struct )(?<!enum )\b(pp_\w+)\b", body))
        return (called | named & set(self.declared)) - {name}

    def words(self, keyword):
        """Names that ACSL introduces with a keyword, such as lemma or axiom."""
        comments = re.findall(r"/\*@.*?\*/|//@[^\n]*", "\n".join(self.texts), re.S)
        text = re.sub(r"(?<!/)//[^\n@][^\n]*", "", "\n".join(comments))
        return set(re.findall(rf"\b(?:{keyword})\s+(\w+)", text))

    def ghosts(self):
        """Names of the functions that exist in ghost code only."""
        comments = re.findall(r"/\*@\s*ghost\b.*?\*/", "\n".join(self.texts), re.S)
        return {name for comment in comments
                for name in re.findall(r"\b(\w+)\([^();]*\)\s*\{", comment)} - NO_FUNCTIONS


def logic_names(unit):
    return unit.words(r"predicate") | unit.words(
        r"logic\s+(?:struct\s+|enum\s+)?(?:\w+\s*(?:\\list<\w+>\s*)?\**)") | set(
            re.findall(r"\\list<\w+>\s+(\w+)", "\n".join(unit.texts)))


# ---- Coq ----------------------------------------------------------------------------------------

def without_comments(text):
    """Coq text without its comments, which nest."""
    out, depth = [], 0
    for piece in re.split(r"(\(\*|\*\))", text):
        if piece == "(*":
            depth += 1
        elif piece == "*)" and depth:
            depth -= 1
        elif not depth:
            out.append(piece)
    return "".join(out)


def sentences(text):
    return [s.strip() for s in re.split(r"\.(?=\s|$)", without_comments(text)) if s.strip()]


def statements_of(text):
    """name -> text of each closed statement, `Definition NAME : Prop := ...`."""
    found = {}
    for sentence in sentences(text):
        match = re.match(r"Definition\s+(\w+)\s*:\s*Prop\s*:=(.*)", sentence, re.S)
        if match:
            found[match.group(1)] = match.group(2).strip()
    return found


def definitions_of(text):
    """name -> text of everything that a specification defines."""
    kinds = r"(?:Definition|Fixpoint|Record|Inductive|with|Function)"
    found = {}
    for sentence in sentences(text):
        match = re.match(rf"{kinds}\s+(\w+)", sentence)
        if match:
            found[match.group(1)] = sentence
    return found


def says(text, name):
    """The comment in front of a statement: what it says, in words."""
    match = re.search(r"\(\*((?:(?!\*\)).)*)\*\)\s*Definition\s+" + name + r"\s*:\s*Prop", text,
                      re.S)
    words = " ".join(match.group(1).split()) if match else ""
    return "" if words.startswith("---") else words


def theorem_file(stem, name, proofs):
    """The proof file, among (path, text), that proves statement NAME of spec/STEM.v."""
    pattern = rf"^\s*(?:Theorem|Corollary|Lemma)\s+{name}\s*:([^.]*(?:\.\w[^.]*)*)\.\s"
    found = [(p, m.group(1)) for p, text in proofs
             for m in [re.search(pattern, without_comments(text), re.M)] if m]
    exact = [p for p, t in found if re.search(rf"\b{stem}\.{name}\s*$", t)]
    return (exact or [p for p, _ in found] or [None])[0]


def forbidden_in(text):
    """The first thing in a Coq file that would be a hole in a proof, or None."""
    open_sections = []
    for sentence in sentences(text):
        word = re.search(r"\b(Admitted|admit|give_up|Axioms?|Conjectures?|bypass_check|"
                         r"Unset Guard Checking|Unset Positivity Checking|Unset Universe Checking)"
                         r"\b", sentence)
        if word:
            return word.group(1)
        if re.match(r"(Section|Module\s+Type)\s", sentence):
            open_sections.append(sentence.split()[-1])
        elif re.match(r"End\s", sentence) and open_sections:
            if sentence.split()[1] == open_sections[-1]:
                open_sections.pop()
        word = re.match(r"(?:Local\s+|Global\s+)?(Parameters?|Variables?|Hypothes[ie]s|Context)\b",
                        sentence)
        if word and not open_sections:
            return word.group(1) + " outside a section"
    return None


# ---- Records of the manifest --------------------------------------------------------------------

def component_of(path):
    """src/ledger/x.c and proofs/frama-c/x.c, which includes the ledger's header: ledger."""
    if path.startswith("src/"):
        return path.split("/")[1]
    names = re.findall(r"<postproof/(\w+)\.h>", (ROOT / path).read_text())
    return names[0] if names else "base"


def contract_record(unit, name):
    """What the manifest says of a C function, as far as the sources tell it."""
    return {"name": name, "component": component_of(unit.path),
            "file": unit.path, "file_sha256": file_digest(unit.path),
            "statement_sha256": text_digest(unit.contract(name)),
            "function": f"{unit.path}:{name}",
            "source_sha256": text_digest(unit.defined[name].text)}


def mutants():
    """Of proofs/mutants.txt: [(file, function, original, changed, why it survives)]"""
    found, place = [], None
    for row in rows_of("mutants.txt"):
        if row.startswith("["):
            place = row.strip("[]").split()
            continue
        change, _, why = row.partition(" ;; ")
        original, _, changed = change.partition(" => ")
        found.append((*place, original.strip(), changed.strip(), why.strip()))
    return found


def mutated_source(path, function, original, changed):
    """The file's text with the change made in the function's body; ValueError when it can't be."""
    source = (ROOT / path).read_text()
    place = next((f for f in functions_of(source)
                  if f.name == function and f.is_definition), None)
    if place is None:
        raise ValueError(f"{path} does not define {function}")
    code = blanked(source)[place.start:place.end]
    if code.count(original) != 1:
        raise ValueError(f"`{original}` occurs {code.count(original)} times in {function}")
    at = place.start + code.index(original)
    return source[:at] + changed + source[at + len(original):]
