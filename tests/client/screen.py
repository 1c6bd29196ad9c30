"""A terminal small enough to trust: what hear draws, as rows of (character, dim)."""

import re
import unicodedata


class Screen:
    """Knows the few sequences that hear uses, and raises on any other."""

    SEQUENCE = re.compile(rb"\x1b\[(\d*)([A-Za-z])")

    def __init__(self, columns, lines):
        self.columns, self.lines = columns, lines
        self.rows = [[]]
        self.row = self.column = 0
        self.top = 0  # rows above are out of reach of the cursor
        self.dim = False
        self.pending = b""

    def feed(self, data):
        data = self.pending + data
        self.pending = b""
        at = 0
        while at < len(data):
            if data[at] == 0x1B:
                match = self.SEQUENCE.match(data, at)
                if not match:
                    if len(data) - at < 8:
                        self.pending = data[at:]
                        return
                    raise ValueError(f"unknown sequence {data[at:at + 8]!r}")
                self._control(int(match[1] or 0), match[2])
                at = match.end()
                continue
            length = 1
            while length < 4 and at + length < len(data) and data[at + length] & 0xC0 == 0x80:
                length += 1
            try:
                character = data[at : at + length].decode()
            except UnicodeDecodeError:
                if len(data) - at < 4:
                    self.pending = data[at:]
                    return
                raise
            self._put(character)
            at += length

    def _control(self, number, letter):
        if letter == b"A":
            self.row = max(self.row - max(number, 1), self.top)
        elif letter == b"J" and number == 0:
            self.rows = self.rows[: self.row + 1]
            self.rows[self.row] = self.rows[self.row][: self.column]
        elif letter == b"K" and number == 0:
            self.rows[self.row] = self.rows[self.row][: self.column]
        elif letter == b"m" and number in (0, 2):
            self.dim = number == 2
        else:
            raise ValueError(f"unknown sequence {number}{letter!r}")

    def _down(self):
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append([])
        self.top = max(self.top, self.row - self.lines + 1)

    def _put(self, character):
        if character == "\r":
            self.column = 0
            return
        if character == "\n":
            self._down()
            return
        if unicodedata.combining(character):
            return
        width = 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if self.column + width > self.columns:
            self.column = 0
            self._down()
        row = self.rows[self.row]
        while len(row) < self.column + width:
            row.append((" ", False))
        row[self.column] = (character, self.dim)
        if width == 2:
            row[self.column + 1] = ("", self.dim)
        self.column += width

    def text(self):
        """The rows, without what is empty at the end."""
        rows = ["".join(c for c, _ in row).rstrip() for row in self.rows]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def dimmed(self):
        return "".join(c for row in self.rows for c, dim in row if dim)

    def plain(self):
        return "".join(c for row in self.rows for c, dim in row if not dim)
