// SPDX-License-Identifier: Apache-2.0
internal import Primitives

extension Lowering {
    mutating func control(_ section: Section) -> ControlSocketSettings {
        var section = section
        var settings = ControlSocketSettings()
        let socket = section.take("socket")
        if let socket, let path = socketPath(socket, "control.socket") { settings.path = path }
        if let node = section.take("mode"), let mode = mode(node, "control.mode") {
            settings.mode = mode
            if mode & 0o002 != 0 {
                diagnostics.error(
                    node.position,
                    "control.mode \(mode.octal) lets every user of the machine end calls",
                    remedy: "use 0660 and a group; to look only, there is control.read-only-socket"
                )
            }
        }
        if let node = section.take("group") { settings.group = nonEmpty(node, "control.group") }
        let readOnlySocket = readOnly(&section, &settings)
        if settings.readOnlyPath == settings.path, let node = readOnlySocket ?? socket {
            diagnostics.error(
                node.position,
                "control.read-only-socket and control.socket have one path",
                remedy: "give them two, or set read-only-socket to off"
            )
        }
        section.finish(&diagnostics)
        return settings
    }

    /// - Returns: Where the socket is named.
    private mutating func readOnly(
        _ section: inout Section,
        _ settings: inout ControlSocketSettings
    ) -> Document.Node? {
        let socket = section.take("read-only-socket")
        if let node = socket {
            if case "off"? = node.text("control.read-only-socket", &diagnostics) {
                settings.readOnlyPlace = .nowhere
            } else if let path = socketPath(node, "control.read-only-socket") {
                settings.readOnlyPlace = .at(path)
            }
        }
        if let node = section.take("read-only-mode"), let mode = mode(node, "control.read-only-mode") {
            settings.readOnlyMode = mode
            if mode & 0o002 != 0 {
                diagnostics.warning(
                    node.position,
                    "control.read-only-mode \(mode.octal) shows every user of the machine who is connected, with names"
                        + " and addresses",
                    remedy: "use 0660 and control.read-only-group, unless all users of this machine may know"
                )
            }
        }
        if let node = section.take("read-only-group") {
            settings.readOnlyGroup = nonEmpty(node, "control.read-only-group")
        }
        return socket
    }

    private mutating func socketPath(_ node: Document.Node, _ name: String) -> String? {
        guard let path = node.text(name, &diagnostics) else { return nil }
        // The corresponding C type is `sockaddr_un`, with 108 bytes and a zero among them.
        guard path.hasPrefix("/"), path.utf8.count <= 107 else {
            diagnostics.error(node.position, "\(name) is an absolute path of up to 107 bytes")
            return nil
        }
        return path
    }

    private mutating func mode(_ node: Document.Node, _ name: String) -> UInt32? {
        guard let text = node.text(name, &diagnostics) else { return nil }
        guard let mode = UInt32(text, radix: 8), (3...4).contains(text.utf8.count), mode <= 0o777 else {
            diagnostics.error(node.position, "\(name) is an octal mode such as 0660, not \(text.quoted)")
            return nil
        }
        return mode
    }
}
