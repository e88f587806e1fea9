// SPDX-License-Identifier: Apache-2.0
internal import Primitives

/// What concerns the machine and its operator, not the protocols.
extension Lowering {
    mutating func control(_ section: Section) -> ControlSocketSettings {
        var section = section
        var settings = ControlSocketSettings()
        if let node = section.take("socket"), let path = node.text("control.socket", &diagnostics) {
            // The corresponding C type is `sockaddr_un`, with 108 bytes and a zero among them.
            if path.hasPrefix("/"), path.utf8.count <= 107 {
                settings.path = path
            } else {
                diagnostics.error(node.position, "control.socket is an absolute path of up to 107 bytes")
            }
        }
        if let node = section.take("mode"), let text = node.text("control.mode", &diagnostics) {
            if let mode = UInt32(text, radix: 8), (3...4).contains(text.utf8.count), mode <= 0o777 {
                settings.mode = mode
                if mode & 0o002 != 0 {
                    diagnostics.error(
                        node.position,
                        "control.mode \(text) lets every user of the machine end calls",
                        remedy: "use 0660 and a group"
                    )
                }
            } else {
                diagnostics.error(node.position, "control.mode is an octal mode such as 0660, not \(text.quoted)")
            }
        }
        if let node = section.take("group") { settings.group = nonEmpty(node, "control.group") }
        section.finish(&diagnostics)
        return settings
    }

    mutating func log(_ section: Section) -> LogSettings {
        var section = section
        var settings = LogSettings()
        if let level: EventDescription.Severity = section.take("level")?.choice("log.level", &diagnostics) {
            settings.level = level
        }
        if let format: LogSettings.Format = section.take("format")?.choice("log.format", &diagnostics) {
            settings.format = format
        }
        section.finish(&diagnostics)
        return settings
    }

    /// Its keys are reserved, and only an empty section is taken.
    mutating func radius(_ section: Section) {
        guard !section.isAbsent else { return }
        if section.isEmpty {
            diagnostics.warning(section.position, "RADIUS is not supported yet; the empty section changes nothing")
        } else {
            diagnostics.error(
                section.firstPosition,
                "RADIUS is not supported yet",
                remedy: "take the section out, and list the users in users.file"
            )
        }
    }

    mutating func metrics(_ section: Section) {
        var section = section
        if let node = section.take("listen"), let text = node.text("metrics.listen", &diagnostics) {
            if SocketAddress(parsing: text) == nil {
                diagnostics.error(
                    node.position,
                    "metrics.listen is an address and a port such as 127.0.0.1:9702, not \(text.quoted)"
                )
            } else {
                diagnostics.warning(
                    node.position,
                    "metrics are not served yet",
                    remedy: "culvertctl status --json has the counters"
                )
            }
        }
        section.finish(&diagnostics)
    }
}

extension SocketAddress {
    /// `192.0.2.1:9702` or `[2001:db8::1]:9702`.
    init?(parsing text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
            return nil
        }
        var host = text[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]") && host.utf8.count > 2
        if isBracketed { host = host.dropFirst().dropLast() }
        guard let address = IPAddress(String(host)), address.isV4 != isBracketed else { return nil }
        self.init(address, port: port)
    }
}
