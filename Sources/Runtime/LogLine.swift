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
    /// Where a peer is, as far as the log may say.
    package enum Source: Hashable, Sendable, CustomStringConvertible {
        case socket(SocketAddress)
        /// A network around it, or what stands for it.
        case concealed(String)

        package var description: String {
            switch self {
            case .socket(let address): "\(address)"
            case .concealed(let text): text
            }
        }
    }

    package var time: WallClockTime
    package var description: EventDescription
    package var trace: TraceID?
    package var source: Source?

    /// What a pipe takes whole, the line feed included.
    static let byteLimit = 4096
    static let messageLimit = 600
    static let fieldLimit = 200

    package init(time: WallClockTime, description: EventDescription, trace: TraceID?, peer: SocketAddress?) {
        self.time = time
        self.description = description
        self.trace = trace
        source = peer.map { .socket($0) }
    }

    /// The line with its line feed; at most ``byteLimit`` bytes.
    package func bytes(as format: LogFormat) -> [UInt8] {
        var output = LineWriter()
        switch format {
        case .text:
            output.raw("\(time) \(description.severity.rawValue) ")
            writeText(into: &output)
        case .json: writeJSON(into: &output)
        }
        output.raw("\n")
        return output.bytes
    }

    /// `ike no-proposal-chosen trace=… peer=192.0.2.1:500: message; remedy: …`
    func writeText(into output: inout LineWriter) {
        output.raw("\(description.layer.rawValue) \(description.name)")
        if let trace { output.raw(" trace=\(trace)") }
        if let source { output.raw(" peer=\(source)") }
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
        if let source { output.raw(",\"peer\":\"\(source)\"") }
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
