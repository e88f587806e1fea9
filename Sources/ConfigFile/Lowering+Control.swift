// SPDX-License-Identifier: Apache-2.0
internal import Primitives

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
}
