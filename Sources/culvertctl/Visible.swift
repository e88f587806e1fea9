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
}

extension StringProtocol {
    /// Safe for a terminal, whoever chose the text: names and identities come from peers.
    var visible: String {
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

    /// At most `width` characters, an ellipsis counted.
    func cut(to width: Int) -> String {
        count <= width ? String(self) : "\(prefix(Swift.max(width, 1) - 1))…"
    }
}

extension String {
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }

    func leftPadded(to width: Int) -> String {
        String(repeating: " ", count: max(0, width - count)) + self
    }
}
