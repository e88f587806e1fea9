// SPDX-License-Identifier: Apache-2.0
internal import Primitives

/// How much aggressive mode strangers get: each exchange costs a key agreement and a place for somebody who has proved
/// nothing, not even where he is.
package struct AggressiveAdmission: Sendable {
    package static let perSecond = 1
    /// At once, of one source.
    package static let burst = 8
    /// Exchanges that wait for their last message, of one source.
    package static let mostPerSource = 8
    /// The same, all sources together.
    package static let most = 256
    /// Whose budgets are remembered.
    package static let mostSources = 16_384

    private struct Source: Sendable {
        var exchanges = Budget()
        var isSaid = false
    }

    private var sources = BoundedTable<IPAddress, Source>(capacity: mostSources)
    /// Bounded by ``most``, and by the peers that are established already.
    private var waiting: [IPAddress: Int] = [:]
    package private(set) var waitingCount = 0
    private var isTotalSaid = false

    package init() {}

    package var sourceCount: Int { sources.count }

    /// - Parameters:
    ///   - factor: How many times as much as others this source may have.
    ///   - isEstablished: The peer has an IKE SA already: others do not keep it from replacing that.
    /// - Returns: Why not, and whether that is news.
    mutating func take(
        _ source: IPAddress,
        factor: Int,
        isEstablished: Bool,
        at now: MonotonicTime
    ) -> (reason: AggressiveModeEvent, isNews: Bool)? {
        if !isEstablished, waitingCount >= Self.most {
            defer { isTotalSaid = true }
            return (.overLimit(Self.most), !isTotalSaid)
        }
        let limit = Self.mostPerSource * factor
        let isFull = waiting[source, default: 0] >= limit
        let rate = Budget.Rate(perSecond: Self.perSecond, burst: Self.burst).scaled(by: factor)
        return sources.withValue(of: source, fresh: Source()) { entry in
            guard !isFull, entry.exchanges.take(rate, at: now) else {
                defer { entry.isSaid = true }
                return (isFull ? .overLimit(limit) : .overRate(Self.perSecond * factor), !entry.isSaid)
            }
            entry.isSaid = false
            return nil
        }
    }

    /// How long an exchange that begins now may take: the fuller the table, the shorter.
    func patience(atMost longest: Duration) -> Duration {
        if waitingCount >= Self.most - Self.most / 5 { return min(longest, .seconds(5)) }
        if waitingCount >= Self.most / 2 { return min(longest, .seconds(10)) }
        return longest
    }

    mutating func enter(_ source: IPAddress) {
        waitingCount += 1
        waiting[source, default: 0] += 1
    }

    mutating func leave(_ source: IPAddress) {
        waitingCount -= 1
        if waitingCount < Self.most - Self.most / 10 { isTotalSaid = false }
        guard let place = waiting.index(forKey: source) else { return }
        waiting.values[place] -= 1
        if waiting.values[place] <= 0 { waiting.remove(at: place) }
    }
}
