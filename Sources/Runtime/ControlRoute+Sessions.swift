// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Primitives

extension ControlRoute {
    /// `/v1/sessions` with nothing, with `all`, or with one way to choose calls as `/v1/terminate` takes it.
    static func sessions(_ query: ControlQuery) throws(ControlRefusal) -> ControlRoute {
        let includesHalfOpen = try query.flag("all")
        guard let selector = try CallSelector(query) else { return .sessions(includesHalfOpen: includesHalfOpen) }
        if includesHalfOpen { throw .manySelectors }
        return .matching(selector)
    }
}

extension CallSelector {
    /// From `trace`, `user`, `peer`, `address` or `interface`, of which one may be there.
    init?(_ query: ControlQuery) throws(ControlRefusal) {
        var choices: [CallSelector] = []
        if let user = query["user"] { choices.append(.user(user)) }
        if let interface = query["interface"] { choices.append(.interface(interface)) }
        if let trace = try query.trace("trace") { choices.append(.trace(trace)) }
        if let peer = query["peer"] { choices.append(try CallSelector(peer: peer)) }
        if let address = try query.address("address") { choices.append(.innerAddress(address)) }
        guard choices.count <= 1 else { throw .manySelectors }
        guard let choice = choices.first else { return nil }
        self = choice
    }

    /// One outer address, or a block of them.
    init(peer text: String) throws(ControlRefusal) {
        if let address = IPAddress(text) {
            self = .peer(address)
        } else if let prefix = IPPrefix(text) {
            self = .peers(prefix)
        } else {
            throw ControlRefusal(400, "peer is neither an IP address nor a prefix", remedy: "198.51.100.0/24, say")
        }
    }
}

extension ControlRefusal {
    fileprivate static let manySelectors = ControlRefusal(
        400,
        "sessions are chosen by one of trace, user, peer, address and interface, or by all",
        remedy: "/v1/sessions?user=alice"
    )
}
