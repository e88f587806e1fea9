// SPDX-License-Identifier: Apache-2.0

extension Unicode.Scalar {
    /// Something that prints as itself. What moves the cursor, changes colours, turns the direction
    /// of writing or takes no room does not.
    var isVisible: Bool {
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }

    /// The cells of a terminal that it takes. Rather one too many: what an emoji takes depends on its neighbours.
    fileprivate var cells: Int {
        switch properties.generalCategory {
        case .nonspacingMark, .enclosingMark: return 0
        default: break
        }
        return switch value {
        // East Asian wide and fullwidth characters, and the planes of emoji.
        case 0x1100...0x115F, 0x231A...0x231B, 0x23E9...0x23F3, 0x2600...0x27BF, 0x2B00...0x2BFF, 0x2E80...0x303E,
            0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F,
            0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18CFF, 0x1AFF0...0x1B2FF, 0x1F000...0x1FAFF,
            0x20000...0x3FFFD:
            2
        default: 1
        }
    }
}

extension StringProtocol {
    /// Safe for a terminal, whoever chose the text: names and identities come from peers.
    var visible: String {
        if isPlain { return String(self) }
        var text = ""
        for scalar in unicodeScalars {
            if scalar.isVisible {
                text.unicodeScalars.append(scalar)
            } else {
                text += "\\u{\(String(scalar.value, radix: 16))}"
            }
        }
        return text
    }

    /// The cells of a terminal that it takes.
    var width: Int {
        isPlain ? utf8.count : unicodeScalars.reduce(0) { $0 + $1.cells }
    }

    /// At most `width` cells, an ellipsis counted.
    func cut(to width: Int) -> String {
        guard self.width > width else { return String(self) }
        guard width > 0 else { return "" }
        var text = ""
        var left = width - 1
        for scalar in unicodeScalars {
            left -= scalar.cells
            guard left >= 0 else { break }
            text.unicodeScalars.append(scalar)
        }
        return text + "…"
    }

    /// Printable ASCII alone: nearly always, and then quickly dealt with.
    private var isPlain: Bool { utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } }
}

extension String {
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - self.width))
    }

    func leftPadded(to width: Int) -> String {
        String(repeating: " ", count: max(0, width - self.width)) + self
    }
}
