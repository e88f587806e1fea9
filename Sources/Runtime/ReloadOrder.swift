// SPDX-License-Identifier: Apache-2.0

/// To read the configuration again.
package struct ReloadOrder: Hashable, Sendable, Codable {
    /// Only to say what it would change.
    package var isDryRun: Bool

    package init(isDryRun: Bool) {
        self.isDryRun = isDryRun
    }
}

/// What reading the configuration again changes, or would.
package struct ReloadReport: Hashable, Sendable, Codable {
    /// Whether it is in force now.
    package var isApplied: Bool

    package init(isApplied: Bool) {
        self.isApplied = isApplied
    }
}
