// SPDX-License-Identifier: Apache-2.0

/// What the operator decided about PPP.
package struct Configuration: Hashable, Sendable {
    /// Our name in challenges.
    package var name: String
    /// In order of our preference; never empty.
    package var authentication: [AuthenticationMethod]
    /// The largest packet the outer encapsulation carries in one piece; offered as our MRU.
    package var mru: UInt16
    /// Silence after which an Echo-Request is sent; a third of ``silenceLimit`` if that is shorter.
    /// Zero for no Echo-Requests: then silence is never noticed.
    package var echoInterval: Duration = .seconds(30)
    /// Silence, Echo-Requests unanswered included, after which the link is dead.
    package var silenceLimit: Duration = .seconds(150)
    package var restartTimer: Duration = .seconds(3)
    package var maxConfigure = 10
    package var maxTerminate = 2
    package var maxFailure = 5
    /// From the lower layer's coming up to the network's.
    package var setUpTimeout: Duration = .seconds(60)
    /// How often the peer may fail to prove itself in the whole life of the link, renegotiations included.
    package var authenticationTries = 3
    /// For the authentication phase, the time in which we look for a verdict not counted.
    package var authenticationLimit: Duration = .seconds(60)

    package init(name: String, authentication: [AuthenticationMethod], mru: UInt16) {
        self.name = name
        self.authentication = authentication
        self.mru = mru
    }

    var effectiveEchoInterval: Duration { min(echoInterval, silenceLimit / 3) }

    /// Between Echo-Requests that are not answered: a peer that comes back late is still asked in time.
    var echoRepetition: Duration { min(effectiveEchoInterval, max(silenceLimit / 15, .seconds(1))) }
}
