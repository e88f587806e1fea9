// SPDX-License-Identifier: Apache-2.0
internal import L2TP
internal import Primitives

/// Users' own addresses in use, and the calls that wait for one.
struct FixedAddresses: Sendable {
    /// The call that has the address.
    private(set) var holders: [IPAddress: SessionKey] = [:]
    /// Their route is being removed.
    private(set) var departing: Set<IPAddress> = []
    /// The newest call of the user, and its name.
    private(set) var waiting: [IPAddress: (key: SessionKey, userName: String)] = [:]

    var count: Int { holders.count + departing.count + waiting.count }

    mutating func hold(_ address: IPAddress, by key: SessionKey) {
        holders[address] = key
        waiting[address] = nil
    }

    mutating func wait(for address: IPAddress, _ key: SessionKey, userName: String) {
        waiting[address] = (key, userName)
    }

    /// The call is over.
    mutating func leave(_ key: SessionKey, _ address: IPAddress) {
        if holders[address] == key { holders[address] = nil }
        if waiting[address]?.key == key { waiting[address] = nil }
    }

    mutating func takeWaiting(for address: IPAddress) -> (key: SessionKey, userName: String)? {
        waiting.removeValue(forKey: address)
    }

    mutating func departs(_ address: IPAddress) {
        departing.insert(address)
    }

    mutating func hasDeparted(_ address: IPAddress) {
        departing.remove(address)
    }
}
