// SPDX-License-Identifier: Apache-2.0

/// One call, or one attempt, told from its beginning, as `culvertctl explain` shows it. The JSON keys are the names
/// of the properties, and stable. What is not known is absent.
package struct TraceSnapshot: Codable, Hashable, Sendable {
    package struct Step: Codable, Hashable, Sendable {
        /// Seconds since the first step.
        package var at: Double
        /// `ike`, `esp`, `l2tp`, `ppp`, `authentication`, `kernel`, `control`.
        package var layer: String
        package var severity: String
        /// The event's name, as counters have it.
        package var event: String
        /// For people.
        package var text: String
        package var fields: [String: String]
        package var remedy: String?
        /// How often at once, if more than once.
        package var count: Int?

        package init(
            at: Double,
            layer: String,
            severity: String,
            event: String,
            text: String,
            fields: [String: String] = [:],
            remedy: String? = nil,
            count: Int? = nil
        ) {
            self.at = at
            self.layer = layer
            self.severity = severity
            self.event = event
            self.text = text
            self.fields = fields
            self.remedy = remedy
            self.count = count
        }
    }

    /// Why it failed.
    package struct Verdict: Codable, Hashable, Sendable {
        package var layer: String
        package var event: String
        package var text: String
        package var remedy: String?

        package init(layer: String, event: String, text: String, remedy: String?) {
            self.layer = layer
            self.event = event
            self.text = text
            self.remedy = remedy
        }
    }

    /// Sixteen hexadecimal digits; absent where a first message was refused before it was given one.
    package var trace: String?
    /// Outer address and port.
    package var peer: String
    package var client: String?
    package var profile: String?
    package var user: String?
    /// `opening`, `up`, `ended`, `failed`.
    package var state: String
    /// Since the first step.
    package var ageSeconds: Double
    package var steps: [Step]
    /// Steps out of the middle that are not kept.
    package var leftOut: Int?
    package var verdict: Verdict?
    /// What is not kept and why.
    package var note: String?

    package init(trace: String?, peer: String, state: String, ageSeconds: Double, steps: [Step]) {
        self.trace = trace
        self.peer = peer
        self.state = state
        self.ageSeconds = ageSeconds
        self.steps = steps
    }
}

/// A line of the list of what is kept.
package struct TraceSummary: Codable, Hashable, Sendable {
    package var trace: String?
    /// Outer address and port.
    package var peer: String
    package var user: String?
    package var state: String
    /// Of the verdict.
    package var layer: String?
    package var event: String?
    /// Since the first step.
    package var ageSeconds: Double

    package init(trace: String?, peer: String, state: String, ageSeconds: Double) {
        self.trace = trace
        self.peer = peer
        self.state = state
        self.ageSeconds = ageSeconds
    }
}
