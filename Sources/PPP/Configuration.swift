// SPDX-License-Identifier: Apache-2.0

/// What the operator decided about PPP.
package struct Configuration: Hashable, Sendable {
    /// Our name in challenges.
    package var name: String
    /// In order of our preference; never empty.
    package var authentication: [AuthenticationMethod]
    /// The largest packet the outer encapsulation carries in one piece; offered as our MRU.
    package var mru: UInt16
    package var echoInterval: Duration = .seconds(30)
    /// Silence, Echo-Requests unanswered included, after which the link is dead.
    package var silenceLimit: Duration = .seconds(150)
    /// Echo-Requests in a row without an answer after which the link is dead.
    package var echoFailures = 4
    package var restartTimer: Duration = .seconds(3)
    package var maxConfigure = 10
    package var maxTerminate = 2
    package var maxFailure = 5
    /// From the lower layer's coming up to the network's.
    package var setUpTimeout: Duration = .seconds(60)
    package var authenticationTries = 3

    package init(name: String, authentication: [AuthenticationMethod], mru: UInt16) {
        self.name = name
        self.authentication = authentication
        self.mru = mru
    }
}
