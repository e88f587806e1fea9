// SPDX-License-Identifier: Apache-2.0
internal import Primitives

/// Leave for legacy algorithms that ends on a day.
extension Endpoint {
    /// By its place in ``Profile/legacyGrants``.
    struct EndedGrant: Hashable {
        let profile: Int
        let place: Int
    }

    /// Looks at what day it is. What a grant let in before stays until its own end.
    mutating func reviewGrants(at now: MonotonicTime) -> [Effect] {
        let before = surroundings.acceptances.map(\.grants)
        surroundings.reviewGrants(at: now)
        // Who repeats a first message is answered by the rules of today.
        if before != surroundings.acceptances.map(\.grants) { firstMessages.removeAll() }
        var ended: Set<EndedGrant> = []
        var effects: [Effect] = []
        // Of those that are leaving it does not matter any more.
        let configured = surroundings.configuration.profiles.prefix(surroundings.configuredProfiles)
        for (index, profile) in configured.enumerated() {
            for (place, grant) in profile.legacyGrants.enumerated() {
                guard !surroundings.calendar.isBefore(grant.until, at: now) else { continue }
                let key = EndedGrant(profile: index, place: place)
                ended.insert(key)
                guard !endedGrants.contains(key) else { continue }
                let kind = Event.Kind.legacyGrant(.ended(grant, profile: profile.name))
                effects.append(.report(Event(trace: nil, peer: nil, kind: kind)))
            }
        }
        // A clock that was set back gives some of them another end.
        endedGrants = ended
        return effects
    }
}
