// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What a source may ask of us before it has proved who it is.
///
/// A source is an IPv4 address, or the /64 of an IPv6 one. What anybody can write into a packet and what was proved by
/// returning a cookie are kept apart: forged sources cannot push out what is known of real ones.
package struct Admission: Sendable {
    /// Whoever a packet says it is from.
    private struct Claimed: Sendable {
        var firstMessages = Budget()
        var isSaid = false
    }

    /// Whoever has returned a cookie.
    private struct Proved: Sendable {
        var keyAgreements = Budget()
        var keyTrials = Budget()
        /// The newest ones, as many as it takes to be delayed.
        var failures: [MonotonicTime] = []
        /// How often it was delayed since it last had less than that.
        var delays = 0
        var delayedUntil: MonotonicTime?
    }

    private struct HalfOpen: Sendable {
        var count = 0
        var isSaid = false
    }

    package enum Refusal: Hashable, Sendable {
        case rate(Int)
        case delay
        case total(Int)
        case source(Int)
    }

    package static let largeSourceFactor = 16
    package static let firstMessagesPerSecond = 10
    package static let keyAgreementsPerSecond = 10
    /// Pre-shared keys tried for one source, beyond the one that each exchange begins with.
    package static let keyTrialsPerSource = Budget.Rate(perSecond: 500, burst: 4_000)
    /// The same for all sources together.
    package static let keyTrialsInAll = Budget.Rate(perSecond: 10_000, burst: 20_000)
    package static let mostFailures = 10
    package static let failureWindow: Duration = .seconds(300)
    package static let longestDelay: Duration = .seconds(30)
    package static let mostClaimed = 65_536
    package static let mostProved = 16_384

    private var largeSources: [IPPrefix]
    private var total: Int
    private var perSource: Int
    private var exchangeTimeout: Duration
    private var claimed = BoundedTable<IPAddress, Claimed>(capacity: mostClaimed)
    private var proved = BoundedTable<IPAddress, Proved>(capacity: mostProved)
    private var keyTrials = Budget()
    /// Bounded by ``total``.
    private var halfOpen: [IPAddress: HalfOpen] = [:]
    package private(set) var halfOpenCount = 0
    private var aggressive = AggressiveAdmission()
    /// Where peers are that have authenticated themselves, and with how many IKE SAs. Bounded by the limit on those.
    private var established: [SocketAddress: Int] = [:]
    /// Said once for each time the limit is reached.
    private var isTotalSaid = false

    package init(_ configuration: Configuration) {
        largeSources = configuration.largeSources
        total = configuration.halfOpenLimit
        perSource = configuration.halfOpenPerSourceLimit
        exchangeTimeout = configuration.exchangeTimeout
    }

    /// Lowering a limit sends nobody away.
    package mutating func reconfigure(_ configuration: Configuration) {
        largeSources = configuration.largeSources
        total = configuration.halfOpenLimit
        perSource = configuration.halfOpenPerSourceLimit
        exchangeTimeout = configuration.exchangeTimeout
    }

    package var claimedCount: Int { claimed.count }
    package var provedCount: Int { proved.count }
    package var aggressiveCount: Int { aggressive.waitingCount }
    package var aggressiveSourceCount: Int { aggressive.sourceCount }

    /// What counts as one source: whoever has an IPv6 address has at least 2^64 of them.
    package static func source(_ address: IPAddress) -> IPAddress {
        switch address {
        case .v4: address
        case .v6(let high, _): .v6(high: high, low: 0)
        }
    }

    /// How many times as much as others a source may have.
    package static func factor(of address: IPAddress, with largeSources: [IPPrefix]) -> Int {
        largeSources.contains { $0.contains(address) } ? largeSourceFactor : 1
    }

    func factor(_ address: IPAddress) -> Int { Self.factor(of: address, with: largeSources) }

    /// A message that names no SA of ours: the first of an exchange, most likely.
    ///
    /// Others may be behind the same NAT as a peer that has keys, or write its address into their packets: it is not
    /// held up for what they do.
    ///
    /// - Returns: Why not, and whether that is news.
    package mutating func takeFirstMessage(
        from peer: SocketAddress,
        at now: MonotonicTime
    ) -> (refusal: Refusal, isNews: Bool)? {
        guard established[peer] == nil else { return nil }
        let perSecond = Self.firstMessagesPerSecond
        // A source may begin at once as many exchanges as it may have under way.
        let rate = Budget.Rate(perSecond: perSecond, burst: perSource).scaled(by: factor(peer.address))
        return claimed.withValue(of: Self.source(peer.address), fresh: Claimed()) { source in
            guard source.firstMessages.take(rate, at: now) else {
                defer { source.isSaid = true }
                return (.rate(perSecond), !source.isSaid)
            }
            source.isSaid = false
            return nil
        }
    }

    /// Whether a source may begin an exchange: asked when its first message comes, and again before the exchange gets
    /// its place.
    package mutating func refusal(
        of peer: SocketAddress,
        at now: MonotonicTime
    ) -> (refusal: Refusal, isNews: Bool)? {
        let source = Self.source(peer.address)
        let isEstablished = established[peer] != nil
        if !isEstablished, let until = proved[source]?.delayedUntil, now < until { return (.delay, false) }
        if !isEstablished, halfOpenCount >= total {
            defer { isTotalSaid = true }
            return (.total(total), !isTotalSaid)
        }
        let limit = min(perSource, 1_000_000_000) * factor(peer.address)
        guard let place = halfOpen.index(forKey: source), halfOpen.values[place].count >= limit else { return nil }
        defer { halfOpen.values[place].isSaid = true }
        return (.source(limit), !halfOpen.values[place].isSaid)
    }

    /// How long an exchange that begins now may take: the fuller the table, the shorter.
    package var patience: Duration {
        if halfOpenCount >= total - total / 5 { return min(exchangeTimeout, .seconds(5)) }
        if halfOpenCount >= total - total / 2 { return min(exchangeTimeout, .seconds(10)) }
        return exchangeTimeout
    }

    package mutating func enterHalfOpen(_ address: IPAddress) {
        halfOpenCount += 1
        halfOpen[Self.source(address), default: HalfOpen()].count += 1
    }

    package mutating func leaveHalfOpen(_ address: IPAddress) {
        let source = Self.source(address)
        halfOpenCount -= 1
        if halfOpenCount < total - total / 10 { isTotalSaid = false }
        guard let place = halfOpen.index(forKey: source) else { return }
        halfOpen.values[place].count -= 1
        halfOpen.values[place].isSaid = false
        if halfOpen.values[place].count <= 0 { halfOpen.remove(at: place) }
    }

    /// Whether a source that has returned its cookie may have a key agreement computed.
    package mutating func takeKeyAgreement(for address: IPAddress, at now: MonotonicTime) -> Bool {
        let rate = Budget.Rate(perSecond: Self.keyAgreementsPerSecond, burst: perSource)
            .scaled(by: factor(address))
        return proved.withValue(of: Self.source(address), fresh: Proved()) { $0.keyAgreements.take(rate, at: now) }
    }

    /// Whether a peer may have a key agreement computed that has only sent a first message.
    ///
    /// - Returns: Why not, and whether that is news.
    package mutating func takeAggressive(
        from peer: SocketAddress,
        at now: MonotonicTime
    ) -> (reason: AggressiveModeEvent, isNews: Bool)? {
        aggressive.take(
            Self.source(peer.address),
            factor: factor(peer.address),
            isEstablished: established[peer] != nil,
            at: now
        )
    }

    package var aggressivePatience: Duration { aggressive.patience(atMost: patience) }

    /// Besides ``enterHalfOpen(_:)``.
    package mutating func enterAggressive(_ address: IPAddress) {
        aggressive.enter(Self.source(address))
    }

    package mutating func leaveAggressive(_ address: IPAddress) {
        aggressive.leave(Self.source(address))
    }

    /// A peer that has returned its cookie does not know the key.
    ///
    /// - Returns: How long the source has to wait now, if this is the failure with which that begins.
    package mutating func recordFailure(of address: IPAddress, at now: MonotonicTime) -> Duration? {
        let most = Self.mostFailures * factor(address)
        return proved.withValue(of: Self.source(address), fresh: Proved()) { source in
            source.failures.removeAll { $0.duration(to: now) >= Self.failureWindow }
            if source.failures.count >= most { source.failures.removeFirst(source.failures.count - most + 1) }
            if source.failures.count < most - 1 { source.delays = 0 }
            source.failures.append(now)
            guard source.failures.count == most else { return nil }
            let delay = min(Duration.seconds(1 << min(source.delays, 5)), Self.longestDelay)
            source.delays += 1
            source.delayedUntil = now.advanced(by: delay)
            return source.delays == 1 ? delay : nil
        }
    }

    package mutating func recordSuccess(of address: IPAddress) {
        proved.withValue(of: Self.source(address)) { source in
            source.failures = []
            source.delays = 0
            source.delayedUntil = nil
        }
    }

    /// How many of so many pre-shared keys may be tried for a source that has returned its cookie.
    package mutating func takeKeyTrials(_ count: Int, for address: IPAddress, at now: MonotonicTime) -> Int {
        let rate = Self.keyTrialsPerSource.scaled(by: factor(address))
        let granted = proved.withValue(of: Self.source(address), fresh: Proved()) {
            $0.keyTrials.take(upTo: count, rate, at: now)
        }
        let taken = keyTrials.take(upTo: granted, Self.keyTrialsInAll, at: now)
        if taken < granted { giveBackToSource(granted - taken, of: address) }
        return taken
    }

    /// Some of what was taken was not needed.
    package mutating func giveBackKeyTrials(_ count: Int, for address: IPAddress) {
        guard count > 0 else { return }
        keyTrials.giveBack(count, Self.keyTrialsInAll)
        giveBackToSource(count, of: address)
    }

    private mutating func giveBackToSource(_ count: Int, of address: IPAddress) {
        let rate = Self.keyTrialsPerSource.scaled(by: factor(address))
        proved.withValue(of: Self.source(address)) { $0.keyTrials.giveBack(count, rate) }
    }

    /// An established peer is somewhere else now; `nil` is nowhere.
    package mutating func moveEstablished(from old: SocketAddress?, to new: SocketAddress?) {
        guard old != new else { return }
        if let old, let place = established.index(forKey: old) {
            established.values[place] -= 1
            if established.values[place] <= 0 { established.remove(at: place) }
        }
        if let new { established[new, default: 0] += 1 }
    }
}
