// SPDX-License-Identifier: Apache-2.0

/// How often and how long.
///
/// - SeeAlso: RFC 1661 §4.6
package struct NegotiationLimits: Hashable, Sendable {
    package var restartTimer: Duration
    package var maxConfigure: Int
    package var maxTerminate: Int
    package var maxFailure: Int

    package init(restartTimer: Duration, maxConfigure: Int, maxTerminate: Int, maxFailure: Int) {
        self.restartTimer = restartTimer
        self.maxConfigure = maxConfigure
        self.maxTerminate = maxTerminate
        self.maxFailure = maxFailure
    }
}
