// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import IKE

extension ConfigFile {
    /// What came of reading. `settings` is there exactly if no diagnostic is an error.
    package struct Outcome: Hashable, Sendable {
        /// Of the configuration file.
        package var path: String
        package var settings: Settings?
        /// In the order of the files and of the places in them.
        package var diagnostics: [Diagnostic]

        /// What `--check` prints: a line for each diagnostic, then the verdict.
        package var report: String {
            let errors = diagnostics.count { $0.severity == .error }
            let warnings = Self.counted(diagnostics.count - errors, "warning")
            let verdict =
                if let settings {
                    "usable, \(warnings): \(Self.summary(of: settings))"
                } else {
                    "not usable, \(Self.counted(errors, "error")) and \(warnings)"
                }
            return diagnostics.map { "\($0)\n" }.joined() + "\(path): \(verdict)\n"
        }

        private static func summary(of settings: Settings) -> String {
            let controlPlane = settings.controlPlane
            return [
                counted(controlPlane.ike.profiles.count, "profile"), counted(controlPlane.pools.count, "pool"),
                counted(controlPlane.users.count, "user"),
            ].joined(separator: ", ")
        }

        private static func counted(_ count: Int, _ noun: String) -> String {
            "\(count == 0 ? "no" : "\(count)") \(noun)\(count == 1 ? "" : "s")"
        }
    }
}
