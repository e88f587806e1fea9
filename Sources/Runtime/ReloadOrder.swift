// SPDX-License-Identifier: Apache-2.0
internal import FoundationEssentials

/// To read the configuration again: `{"dryRun":false}`.
package struct ReloadOrder: Hashable, Sendable, Codable {
    /// Only to say what it would change.
    package var isDryRun: Bool

    private enum CodingKeys: String, CodingKey {
        case isDryRun = "dryRun"
    }

    package init(isDryRun: Bool) {
        self.isDryRun = isDryRun
    }

    /// From `{"dryRun":true}`; without a body, or without that, it is in earnest.
    package init(json: [UInt8]) throws(ControlRefusal) {
        guard !json.isEmpty else {
            self.init(isDryRun: false)
            return
        }
        guard let values = try? JSONDecoder().decode([String: Bool].self, from: Data(json)),
            values.keys.allSatisfy({ $0 == CodingKeys.isDryRun.rawValue })
        else {
            throw ControlRefusal(
                400,
                "the body is not the JSON object that this path takes",
                remedy: #"{"dryRun":true} only tells what would change; without a body it is done"#
            )
        }
        self.init(isDryRun: values[CodingKeys.isDryRun.rawValue] ?? false)
    }
}

/// What reading the configuration again changes, or would.
package struct ReloadReport: Hashable, Sendable, Codable {
    package enum Outcome: String, Hashable, Sendable, Codable, CaseIterable {
        /// It is in force now.
        case applied
        /// It would be, had it not been a dry run.
        case planned
        /// What is in force is what the files say.
        case unchanged
        /// Nothing was changed, and ``ReloadReport/error`` says why.
        case refused
    }

    package struct Change: Hashable, Sendable, Codable {
        /// `added`, `changed` or `removed`.
        package var kind: String
        /// In the words of the file: `ike.profiles.remote-access.proposals`.
        package var key: String
        /// `was 60s, is 30s`. Never a secret.
        package var what: String?
        package var takesEffect: String
        /// Calls that stand on it now.
        package var calls: Int
        /// What those feel.
        package var feeling: String?

        package init(kind: String, key: String, what: String?, takesEffect: String, calls: Int, feeling: String?) {
            self.kind = kind
            self.key = key
            self.what = what
            self.takesEffect = takesEffect
            self.calls = calls
            self.feeling = feeling
        }
    }

    /// A call, or a peer with keys and no call yet, that ends by it.
    package struct Ending: Hashable, Sendable, Codable {
        package var trace: String
        package var user: String?
        package var peer: String
        package var reason: String

        package init(trace: String, user: String?, peer: String, reason: String) {
            self.trace = trace
            self.user = user
            self.peer = peer
            self.reason = reason
        }
    }

    /// A mistake in a file, or something that has no effect.
    package struct Finding: Hashable, Sendable, Codable {
        /// `error` or `warning`.
        package var severity: String
        package var file: String
        package var line: Int
        package var column: Int
        package var message: String
        package var remedy: String?

        package init(severity: String, file: String, line: Int, column: Int, message: String, remedy: String?) {
            self.severity = severity
            self.file = file
            self.line = line
            self.column = column
            self.message = message
            self.remedy = remedy
        }
    }

    package struct Failure: Hashable, Sendable, Codable {
        package var message: String
        package var remedy: String?

        package init(message: String, remedy: String?) {
            self.message = message
            self.remedy = remedy
        }
    }

    package var outcome: Outcome
    package var changes: [Change] = []
    package var ending: [Ending] = []
    package var findings: [Finding] = []
    /// Why it was refused; `nil` if it was not.
    package var error: Failure?

    package init(_ outcome: Outcome) {
        self.outcome = outcome
    }

    /// Whether it is in force now.
    package var isApplied: Bool { outcome == .applied }

    package func count(of kind: String) -> Int { changes.count { $0.kind == kind } }
}
