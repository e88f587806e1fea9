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
        section.finish(&diagnostics)
        return settings
    }
}
