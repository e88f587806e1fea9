// SPDX-License-Identifier: Apache-2.0

/// The data plane's own packet filter, in words. The JSON keys are the names of the properties, and stable.
package struct RuleSet: Codable, Hashable, Sendable {
    package struct Rule: Codable, Hashable, Sendable {
        package var chain: String
        /// Where packets meet the chain: `prerouting`, `input`, `output`; `nil` where only another rule sends them.
        package var hook: String?
        /// Among chains at the same hook, from low to high.
        package var priority: Int?
        /// Which packets it is about.
        package var match: String
        package var action: String
        package var reason: String
        /// Several rules may share one.
        package var counter: String?
        /// What the counter says; `nil` if the rule has none, or if the kernel does not tell.
        package var packets: UInt64?

        package init(
            chain: String,
            hook: String?,
            priority: Int?,
            match: String,
            action: String,
            reason: String,
            counter: String?,
            packets: UInt64?
        ) {
            self.chain = chain
            self.hook = hook
            self.priority = priority
            self.match = match
            self.action = action
            self.reason = reason
            self.counter = counter
            self.packets = packets
        }
    }

    /// As the system's own tools call it: `inet culvert`.
    package var table: String
    package var rules: [Rule]

    package init(table: String, rules: [Rule]) {
        self.table = table
        self.rules = rules
    }
}
