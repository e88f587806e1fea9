// SPDX-License-Identifier: Apache-2.0
internal import Primitives

extension Lowering {
    mutating func log(_ section: Section) -> LogSettings {
        var section = section
        var settings = LogSettings()
        if let level: EventDescription.Severity = section.take("level")?.choice("log.level", &diagnostics) {
            settings.level = level
        }
        if let format: LogSettings.Format = section.take("format")?.choice("log.format", &diagnostics) {
            settings.format = format
        }
        let to = section.take("to")
        if let destination: LogSettings.Destination = to?.choice("log.to", &diagnostics) { settings.to = destination }
        if let to, settings.to == .journald, settings.format == .json {
            diagnostics.error(
                to.position,
                "log.to is journald, which takes fields and no JSON",
                remedy: "take log.format out: journalctl --output json prints JSON"
            )
        }
        if let node = section.take("security"),
            let security = Section(node, name: "log.security", diagnostics: &diagnostics)
        {
            settings.security = self.security(security)
        }
        if let node = section.take("privacy"),
            let privacy = Section(node, name: "log.privacy", diagnostics: &diagnostics)
        {
            settings.privacy = self.privacy(privacy)
        }
        section.finish(&diagnostics)
        return settings
    }

    private mutating func security(_ section: Section) -> SecurityLogSettings {
        var section = section
        var settings = SecurityLogSettings(to: .stderr)
        if let format: SecurityLogSettings.Format = section.take("format")?.choice("log.security.format", &diagnostics)
        {
            settings.format = format
        }
        if let node = section.require("to", &diagnostics), let text = node.text("log.security.to", &diagnostics) {
            switch text {
            case "stderr": settings.to = .stderr
            case "journald": settings.to = .journald
            case _ where text.isAbsolutePath: settings.to = .file(text)
            case _:
                diagnostics.error(
                    node.position,
                    "log.security.to is stderr, journald or the absolute path of a file, not \(text.quoted)"
                )
            }
        }
        section.finish(&diagnostics)
        return settings
    }

    private mutating func privacy(_ section: Section) -> PrivacySettings {
        var section = section
        var settings = PrivacySettings()
        if let names: PrivacySettings.Names = section.take("names")?.choice("log.privacy.names", &diagnostics) {
            settings.names = names
        }
        if let addresses: PrivacySettings.Addresses = section.take("addresses")?
            .choice("log.privacy.addresses", &diagnostics)
        {
            settings.addresses = addresses
        }
        let range = Duration.seconds(86_400)...Duration.seconds(3650 * 86_400)
        let after = section.take("after")
        if let duration = after?.duration("log.privacy.after", in: range, &diagnostics) { settings.after = duration }
        if let node = section.take("keys"), let path = node.text("log.privacy.keys", &diagnostics) {
            if path.isAbsolutePath {
                settings.folder = path
            } else {
                diagnostics.error(node.position, "log.privacy.keys is the absolute path of a folder")
            }
        }
        if let after, !settings.usesPseudonyms {
            diagnostics.warning(
                after.position,
                "log.privacy.after has no effect: nothing is written as a pseudonym",
                remedy: "set names or addresses to pseudonym"
            )
        }
        section.finish(&diagnostics)
        return settings
    }
}

extension String {
    fileprivate var isAbsolutePath: Bool {
        hasPrefix("/") && !hasSuffix("/") && utf8.count <= 1024 && utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }
}
