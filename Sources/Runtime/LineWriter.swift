// SPDX-License-Identifier: Apache-2.0

/// Bytes of one line, with the escapes of its parts.
struct LineWriter {
    enum Escape {
        /// `\xNN`; quotation marks and backslashes too.
        case text
        /// `\xNN`; backslashes too.
        case message
        /// `\u00NN` as in RFC 8259 §7.
        case json
        /// The seven fields at the beginning of CEF: `\\` and `\|`. Line ends have no form there.
        case header
        /// Values after the `=` of CEF: `\\`, `\=`, `\n` and `\r`.
        case value
    }

    private(set) var bytes: [UInt8] = []

    init() {
        bytes.reserveCapacity(256)
    }

    /// Whether a field fits, even with all its bytes escaped, when `rest` bytes are still to follow.
    func hasRoomForField(before rest: Int) -> Bool {
        bytes.count + Self.longest(40) + Self.longest(LogLine.fieldLimit) + 8 + rest <= LogLine.byteLimit
    }

    /// What ``escaped(_:limit:as:)`` makes of a text at most: the last character may pass the end by
    /// its escape, of 20 bytes at most, and three dots follow.
    static func longest(_ limit: Int) -> Int { 2 * limit + 20 + 3 }

    mutating func raw(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }

    mutating func string(_ text: String, limit: Int) {
        raw("\"")
        escaped(text, limit: limit, as: .json)
        raw("\"")
    }

    /// At most `limit` characters of `text` become at most `2 * limit` bytes here, and `...` if that is not all.
    mutating func escaped(_ text: String, limit: Int, as escape: Escape) {
        let end = bytes.count + 2 * limit
        var taken = 0
        for scalar in text.unicodeScalars {
            guard taken < limit, bytes.count < end else {
                raw("...")
                return
            }
            taken += 1
            switch (scalar.value, escape) {
            case (0x5C, _): raw("\\\\")
            case (0x22, .text), (0x22, .json): raw("\\\"")
            case (0x7C, .header): raw("\\|")
            case (0x3D, .value): raw("\\=")
            case (0x0A, .value): raw("\\n")
            case (0x0D, .value): raw("\\r")
            case (0x20...0x7E, _): bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            case (_, .json):
                for unit in String(scalar).utf16 { raw("\\u" + hex(UInt(unit), width: 4)) }
            case (_, .text), (_, .message):
                for byte in String(scalar).utf8 { raw("\\x" + hex(UInt(byte), width: 2)) }
            case (_, .header), (_, .value):
                if scalar.printsAsItself {
                    bytes.append(contentsOf: String(scalar).utf8)
                } else {
                    // CEF has no escape for these; the backslash is one of the text.
                    for byte in String(scalar).utf8 { raw("\\\\x" + hex(UInt(byte), width: 2)) }
                }
            }
        }
    }

    private func hex(_ value: UInt, width: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}

extension Unicode.Scalar {
    /// It moves no cursor, ends no line, and turns no direction of writing.
    fileprivate var printsAsItself: Bool {
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
