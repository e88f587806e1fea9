// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// How log lines look.
package enum LogFormat: String, Hashable, Sendable, CaseIterable {
    case text
    /// One object per line.
    case json
}

/// One line of the log. Whatever peers contributed leaves it as printable ASCII: no line break, no
/// terminal sequence, no right-to-left trick survives, and no text is longer than its share.
package struct LogLine: Hashable, Sendable {
    package var time: WallClockTime
    package var description: EventDescription
    package var trace: TraceID?
    package var peer: SocketAddress?

    /// What a pipe takes whole, the line feed included.
    static let byteLimit = 4096
    fileprivate static let messageLimit = 600
    fileprivate static let fieldLimit = 200

    package init(time: WallClockTime, description: EventDescription, trace: TraceID?, peer: SocketAddress?) {
        self.time = time
        self.description = description
        self.trace = trace
        self.peer = peer
    }

    /// The line with its line feed; at most ``byteLimit`` bytes.
    package func bytes(as format: LogFormat) -> [UInt8] {
        var output = LineWriter()
        switch format {
        case .text: writeText(into: &output)
        case .json: writeJSON(into: &output)
        }
        output.raw("\n")
        return output.bytes
    }

    /// `2026-11-21T01:02:03.456Z warning ike no-proposal-chosen trace=… peer=192.0.2.1:500: message; remedy: …`
    private func writeText(into output: inout LineWriter) {
        output.raw("\(time) \(description.severity.rawValue) \(description.layer.rawValue) \(description.name)")
        if let trace { output.raw(" trace=\(trace)") }
        if let peer { output.raw(" peer=\(peer)") }
        let rest = 2 * LineWriter.longest(Self.messageLimit) + 16
        for field in description.fields where output.hasRoomForField(before: rest) {
            output.raw(" ")
            output.escaped(field.name, limit: 40, as: .text)
            output.raw("=")
            if field.value.utf8.contains(where: { $0 == 0x20 || $0 == 0x22 || $0 == 0x3A || $0 == 0x3D }) {
                output.raw("\"")
                output.escaped(field.value, limit: Self.fieldLimit, as: .text)
                output.raw("\"")
            } else {
                output.escaped(field.value, limit: Self.fieldLimit, as: .text)
            }
        }
        output.raw(": ")
        output.escaped(description.message, limit: Self.messageLimit, as: .message)
        if let remedy = description.remedy {
            output.raw("; remedy: ")
            output.escaped(remedy, limit: Self.messageLimit, as: .message)
        }
    }

    private func writeJSON(into output: inout LineWriter) {
        output.raw("{\"time\":\"\(time)\",\"level\":\"\(description.severity.rawValue)\"")
        output.raw(",\"layer\":\"\(description.layer.rawValue)\",\"event\":")
        output.string(description.name, limit: 80)
        if let trace { output.raw(",\"trace\":\"\(trace)\"") }
        if let peer { output.raw(",\"peer\":\"\(peer)\"") }
        output.raw(",\"message\":")
        output.string(description.message, limit: Self.messageLimit)
        if let remedy = description.remedy {
            output.raw(",\"remedy\":")
            output.string(remedy, limit: Self.messageLimit)
        }
        if !description.fields.isEmpty {
            output.raw(",\"fields\":{")
            for (index, field) in description.fields.enumerated() where output.hasRoomForField(before: 3) {
                if index > 0 { output.raw(",") }
                output.string(field.name, limit: 40)
                output.raw(":")
                output.string(field.value, limit: Self.fieldLimit)
            }
            output.raw("}")
        }
        output.raw("}")
    }
}

/// Bytes of one line, with the escapes of its parts.
private struct LineWriter {
    enum Escape {
        /// `\xNN`; quotation marks and backslashes too.
        case text
        /// `\xNN`; backslashes too.
        case message
        /// `\u00NN` as in RFC 8259 §7.
        case json
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
    /// its escape, of 16 bytes at most, and three dots follow.
    static func longest(_ limit: Int) -> Int { 2 * limit + 16 + 3 }

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
            case (0x20...0x7E, _): bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            case (_, .json):
                for unit in String(scalar).utf16 { raw("\\u" + hex(UInt(unit), width: 4)) }
            case (_, .text), (_, .message):
                for byte in String(scalar).utf8 { raw("\\x" + hex(UInt(byte), width: 2)) }
            }
        }
    }

    private func hex(_ value: UInt, width: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
