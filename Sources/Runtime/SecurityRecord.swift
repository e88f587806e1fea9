// SPDX-License-Identifier: Apache-2.0
package import ConfigFile
internal import Primitives

/// One security event. As bytes it is one line of at most ``LogLine/byteLimit`` bytes.
package struct SecurityRecord: Hashable, Sendable {
    /// Of the Elastic Common Schema.
    package static let schemaVersion = "8.11.0"

    package var line: LogLine
    package var action: SecurityAction
    /// Of the gateway.
    package var gateway: String

    package init(_ line: LogLine, _ action: SecurityAction, gateway: String) {
        self.line = line
        self.action = action
        self.gateway = gateway
    }

    /// With the line feed.
    package func bytes(as format: SecurityLogSettings.Format) -> [UInt8] {
        var output = LineWriter()
        switch format {
        case .ecs: writeECS(into: &output)
        case .cef: writeCEF(into: &output)
        }
        output.raw("\n")
        return output.bytes
    }

    /// The line without its end as the message of an entry of its own kind.
    package func journalEntry(as format: SecurityLogSettings.Format) -> JournalEntry {
        var entry = JournalEntry(
            identifier: "culvertd-security",
            severity: line.description.severity,
            message: bytes(as: format).dropLast()
        )
        entry.append("CULVERT_ACTION", Array(action.id.utf8))
        entry.append("CULVERT_EVENT", Array(line.description.name.utf8))
        if let trace = line.trace { entry.append("CULVERT_TRACE", Array("\(trace)".utf8)) }
        return entry
    }

    private var all: [EventDescription.Field] { line.description.fields + line.description.facts }

    private func value(of name: String) -> String? { all.first { $0.name == name }?.value }

    private func number(of name: String) -> UInt64? { value(of: name).flatMap { UInt64($0) } }

    // MARK: ECS

    /// Fields with a place of their own.
    private static let placed: Set<String> = ["user", "uid", "pid", "reason"]

    private func writeECS(into output: inout LineWriter) {
        output.raw("{\"@timestamp\":\"\(line.time)\",\"ecs\":{\"version\":\"\(Self.schemaVersion)\"}")
        output.raw(",\"log\":{\"level\":\"\(line.description.severity.rawValue)\"}")
        output.raw(",\"event\":{\"kind\":\"\(action.nature.kind.rawValue)\"")
        output.raw(",\"category\":[\(Self.list(action.nature.categories.map(\.rawValue)))]")
        output.raw(",\"type\":[\(Self.list(action.nature.types.map(\.rawValue)))]")
        output.raw(",\"action\":\"\(action.id)\",\"outcome\":\"\(action.nature.outcome.rawValue)\"")
        output.raw(",\"severity\":\(action.severity),\"provider\":\"culvertd\",\"module\":\"culvert\"")
        output.raw(",\"dataset\":\"culvert.security\",\"code\":\"\(action.source)\"")
        if let reason = value(of: "reason") {
            output.raw(",\"reason\":")
            output.string(reason, limit: LogLine.fieldLimit)
        }
        output.raw("}")
        switch line.source {
        case .socket(let socket):
            output.raw(",\"source\":{\"address\":\"\(socket.address)\",\"ip\":\"\(socket.address)\"")
            output.raw(",\"port\":\(socket.port)}")
        case .concealed(let text): output.raw(",\"source\":{\"address\":\"\(text)\"}")
        case nil: break
        }
        writeUser(into: &output)
        output.raw(",\"observer\":{\"vendor\":\"Culvert\",\"product\":\"culvertd\",\"type\":\"vpn\"")
        output.raw(",\"version\":\"\(Daemon.version)\",\"name\":")
        output.string(gateway, limit: 80)
        output.raw("}")
        if action.nature.kind == .alert { output.raw(",\"rule\":{\"name\":\"\(action.id)\"}") }
        output.raw(",\"message\":")
        output.string(line.description.message, limit: LogLine.messageLimit)
        writeOwn(into: &output)
        output.raw("}")
    }

    private func writeUser(into output: inout LineWriter) {
        let (name, id) = (value(of: "user"), number(of: "uid"))
        if name != nil || id != nil {
            output.raw(",\"user\":{")
            if let name {
                output.raw("\"name\":")
                output.string(name, limit: LogLine.fieldLimit)
            }
            if let id { output.raw("\(name == nil ? "" : ",")\"id\":\"\(id)\"") }
            output.raw("}")
        }
        if let process = number(of: "pid") { output.raw(",\"process\":{\"pid\":\(process)}") }
    }

    /// What the schema has no place for.
    private func writeOwn(into output: inout LineWriter) {
        var isFirst = true
        func separate() {
            output.raw(isFirst ? ",\"culvert\":{" : ",")
            isFirst = false
        }
        if let trace = line.trace {
            separate()
            output.raw("\"trace\":\"\(trace)\"")
        }
        var seen = Self.placed
        for field in all where seen.insert(field.name).inserted && output.hasRoomForField(before: 4) {
            separate()
            output.string(String(field.name.map { $0 == "-" || $0 == "." ? "_" : $0 }), limit: 40)
            output.raw(":")
            if field.name == "count", let number = UInt64(field.value) {
                output.raw("\(number)")
            } else {
                output.string(field.value, limit: LogLine.fieldLimit)
            }
        }
        if !isFirst { output.raw("}") }
    }

    private static func list(_ words: [String]) -> String { words.map { "\"\($0)\"" }.joined(separator: ",") }

    // MARK: CEF

    /// Fields that CEF has a key for, or one of its six strings that explain themselves by a label.
    private static let keys: [(field: String, key: String, label: String?)] = [
        ("user", "suser", nil), ("uid", "suid", nil), ("pid", "spid", nil), ("host-name", "shost", nil),
        ("reason", "reason", nil), ("count", "cnt", nil), ("profile", "cs3", "profile"),
        ("identity", "cs5", "identity"), ("address", "cs6", "assignedAddress"),
    ]

    private func writeCEF(into output: inout LineWriter) {
        output.raw("CEF:0|Culvert|culvertd|")
        output.escaped(Daemon.version, limit: 40, as: .header)
        output.raw("|\(action.id)|")
        output.escaped(action.title, limit: 200, as: .header)
        output.raw(
            "|\(action.severity)|rt=\(line.time.milliseconds) act=\(action.id) outcome=\(action.nature.outcome.rawValue)"
        )
        output.raw(" cat=\(action.nature.categories.map(\.rawValue).joined(separator: "/")) dvchost=")
        output.escaped(gateway, limit: 80, as: .value)
        switch line.source {
        case .socket(let socket):
            // CEF:0 takes IPv4 in src alone.
            if socket.address.isV4 {
                output.raw(" src=\(socket.address)")
            } else {
                output.raw(" c6a2=\(socket.address) c6a2Label=Source IPv6 Address")
            }
            output.raw(" spt=\(socket.port)")
        case .concealed(let text): output.raw(" cs4=\(text) cs4Label=source")
        case nil: break
        }
        if let trace = line.trace { output.raw(" cs1=\(trace) cs1Label=trace") }
        output.raw(" cs2=\(action.source) cs2Label=event")
        for (field, key, label) in Self.keys {
            guard let value = value(of: field) else { continue }
            output.raw(" \(key)=")
            output.escaped(value, limit: LogLine.fieldLimit, as: .value)
            if let label { output.raw(" \(key)Label=\(label)") }
        }
        output.raw(" msg=")
        output.escaped(line.description.message, limit: LogLine.messageLimit, as: .value)
    }
}
