// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
internal import IKE
internal import L2TP
package import Primitives

/// A list of calls that is made piece by piece, so that packets are served in between.
///
/// Each entry is as it was at one moment, two entries perhaps as they were at different moments. What ended before its
/// turn is missing; so is what came after the beginning. Nothing is in it twice.
package struct CallListing: Sendable {
    /// So far, in no order.
    package var calls: [CallSnapshot] = []
    let selector: CallSelector
    /// Those still to be looked at, when the list was begun.
    var keys: [SessionKey] = []
    var associations: [RequestID] = []
    var halfOpen: [IKESAID] = []
    /// Whose calls were looked at: these have no entry of their own.
    var visited: Set<RequestID> = []

    init(_ selector: CallSelector) {
        self.selector = selector
    }

    /// One that was made in one go.
    package init(showing calls: [CallSnapshot]) {
        self.calls = calls
        selector = .all
    }

    package var isComplete: Bool { keys.isEmpty && associations.isEmpty && halfOpen.isEmpty }
}

extension ControlPlane {
    /// Begins a list of what ``matching(_:at:)`` tells, and of peers that have no keys for traffic yet if wanted. That
    /// takes no longer than copying four to eight bytes for each.
    package func listing(_ selector: CallSelector, includesHalfOpen: Bool) -> CallListing {
        var listing = CallListing(selector)
        listing.keys = Array(calls.keys)
        listing.associations = Array(associations.keys)
        if includesHalfOpen { listing.halfOpen = ike.ids }
        let most = max(listing.keys.count, listing.associations.count)
        listing.visited.reserveCapacity(listing.associations.count)
        listing.calls.reserveCapacity(most + listing.halfOpen.count)
        return listing
    }

    /// Looks at so many more.
    package func advance(_ listing: inout CallListing, by count: Int, at now: MonotonicTime) {
        var left = count
        // To see that there is nothing to do takes a tenth of doing it.
        var glances = 10 * count
        while left > 0, let key = listing.keys.popLast() {
            left -= 1
            guard let call = calls[key] else { continue }
            listing.visited.insert(call.association)
            if matches(call, listing.selector) { listing.calls.append(snapshot(of: call, at: now)) }
        }
        while left > 0, glances > 0, let id = listing.associations.popLast() {
            glances -= 1
            guard !listing.visited.contains(id), let association = associations[id] else { continue }
            left -= 1
            if association.calls.isEmpty {
                if matches(id, listing.selector) { listing.calls.append(snapshot(of: association, at: now)) }
            } else {
                // They came since: a peer that has made progress is not missing.
                for key in association.calls {
                    guard let call = calls[key], matches(call, listing.selector) else { continue }
                    listing.calls.append(snapshot(of: call, at: now))
                }
            }
        }
        while left > 0, glances > 0, let id = listing.halfOpen.popLast() {
            glances -= 1
            guard requestIDs[id] == nil, let keys = ike.snapshot(of: id) else { continue }
            left -= 1
            listing.calls.append(CallSnapshot(halfOpen: keys, at: now))
        }
    }
}
