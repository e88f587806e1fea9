// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
internal import IKE
internal import L2TP
internal import PPP
package import Primitives

/// Another configuration, with calls up. Nobody is dropped who may still be here.
extension ControlPlane {
    /// A call, or a peer with keys and no call yet, that another configuration ends.
    package struct Departure: Hashable, Sendable {
        package enum Reason: Hashable, Sendable {
            case userRemoved(String)
            case userDisabled(String)
            case profileRemoved(String)
            case addressOutside(profile: String, IPAddress)

            /// As call-down gives it.
            package var words: String {
                switch self {
                case .userRemoved(let name): "a reload removed the user \(name)"
                case .userDisabled(let name): "a reload disabled the user \(name)"
                case .profileRemoved(let name): "a reload removed the profile \(name)"
                case .addressOutside(let profile, let address):
                    "since a reload the profile \(profile) is not for \(address)"
                }
            }
        }

        package var trace: TraceID
        package var userName: String?
        package var peer: SocketAddress
        package var reason: Reason
        let key: SessionKey?
        let association: RequestID
    }

    /// Which calls a part of the configuration concerns, and how many each.
    package struct Census: Hashable, Sendable {
        package var calls = 0
        /// By the name in the configuration.
        package var byUser: [String: Int] = [:]
        package var byProfile: [String: Int] = [:]
        /// By the pool their address lies in.
        package var byPool: [String: Int] = [:]

        package init() {}
    }

    package var census: Census {
        var census = Census()
        for call in calls.values {
            census.calls += 1
            if let user = call.userName.flatMap({ users[$0] }) { census.byUser[user.name, default: 0] += 1 }
            if let profile = profile(of: call.association) { census.byProfile[profile, default: 0] += 1 }
            if let pool = call.lease.flatMap({ pools.name(ofPoolWith: $0.address) }) {
                census.byPool[pool, default: 0] += 1
            }
        }
        return census
    }

    /// Why a configuration cannot be taken while the calls are up that are; empty if it can.
    package func obstacles(to other: Configuration) -> [String] {
        other.pools.filter { pools.isInUse($0.gateway) }.map { pool in
            let user = calls.values.first { $0.lease?.address == pool.gateway }?.userName
            return "\(pool.gateway), the gateway of the pool \(pool.name), is the address of a call"
                + (user.map { " of \($0)" } ?? " that is ending")
        }
    }

    /// Whose calls have addresses that another configuration keeps for somebody, and stay: until they end nobody gets
    /// those. An address that the same user's call has by right is left out, for that call makes room for the next.
    package func occupants(under other: Configuration) -> [IPAddress: String] {
        let owners = Dictionary(other.users.compactMap { user in user.address.map { ($0, user.name) } }) { first, _ in
            first
        }
        guard !owners.isEmpty else { return [:] }
        let leaving = Set(departures(under: other).compactMap(\.key))
        let directory = UserDirectory(other.users)
        var occupants: [IPAddress: String] = [:]
        for (key, call) in calls where !leaving.contains(key) {
            guard let address = call.lease?.address, let owner = owners[address], let name = call.userName else {
                continue
            }
            if fixedAddresses.holders[address] == key, directory[name]?.name == owner { continue }
            occupants[address] = name
        }
        return occupants
    }

    /// Who has to go under another configuration: users that are not there or disabled, and peers whose profile is not
    /// there or not for their address. Everybody else stays.
    package func departures(under other: Configuration) -> [Departure] {
        departures(users: UserDirectory(other.users), ike.succession(to: other.ike))
    }

    private func departures(users others: UserDirectory, _ succession: ProfileSuccession) -> [Departure] {
        var departures: [Departure] = []
        for association in associations.values {
            let keys = association.ikeSAs.max { $0.rawValue < $1.rawValue }
            let reason = keys.flatMap { Departure.Reason(ike.standing(of: $0, under: succession)) }
            for key in association.calls {
                guard let call = calls[key] else { continue }
                guard let reason = reason ?? call.userName.flatMap({ Departure.Reason($0, others) }) else { continue }
                departures.append(
                    Departure(
                        trace: call.trace,
                        userName: call.userName,
                        peer: association.peer,
                        reason: reason,
                        key: key,
                        association: association.id
                    )
                )
            }
            guard let reason, association.calls.isEmpty else { continue }
            departures.append(
                Departure(
                    trace: association.trace,
                    peer: association.peer,
                    reason: reason,
                    key: nil,
                    association: association.id
                )
            )
        }
        return departures.sorted { ($0.userName ?? "", "\($0.trace)") < ($1.userName ?? "", "\($1.trace)") }
    }

    mutating func reconfigure(_ other: Configuration, at now: MonotonicTime, into effects: inout [Effect]) {
        guard !isShuttingDown, obstacles(to: other).isEmpty else { return }
        guard other != configuration else {
            // An address that the kernel refused may be free by now.
            changeGateways(into: &effects)
            return
        }
        let directory = UserDirectory(other.users)
        let succession = ike.succession(to: other.ike)
        let departures = departures(users: directory, succession)
        // Keys without an association: nothing waits for their end.
        let strays = ike.snapshots.map(\.id).filter { id in
            requestIDs[id] == nil && ike.standing(of: id, under: succession) != .stays
        }
        configuration = other
        users = directory
        throttle.reconfigure(limits: other.authenticationLimits, largeSources: other.ike.largeSources)
        journal.reconfigure(limits: other.traceLimits)
        pools.reconfigure(other.pools, reserving: other.users.compactMap(\.address))
        perform(ike.reconfigure(other.ike, at: now), at: now, into: &effects)
        l2tp.reconfigure(other.l2tp)
        for id in strays { perform(ike.close(id, at: now), at: now, into: &effects) }
        changeGateways(into: &effects)
        for departure in departures { end(departure, at: now, into: &effects) }
        closeEmptied(by: departures, at: now, into: &effects)
    }

    private mutating func end(_ departure: Departure, at now: MonotonicTime, into effects: inout [Effect]) {
        guard let key = departure.key, let reason = calls.withValue(of: key, { $0.reason }) else { return }
        calls[key]?.reason = reason ?? departure.reason.words
        let stays = associations[departure.association]?.calls.contains { other in
            other != key && calls[other].map { $0.reason == nil } ?? false
        }
        if stays != true { associations[departure.association]?.isClosing = true }
        withLink(key, at: now, into: &effects) { $0.close(.administrative, at: now) }
    }

    /// Peers that had keys and no call.
    private mutating func closeEmptied(
        by departures: [Departure],
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) {
        for departure in departures where departure.key == nil {
            associations[departure.association]?.isClosing = true
            closeTunnels(of: departure.association, at: now, into: &effects)
        }
    }

    // MARK: Gateway addresses

    /// New ones are there before anybody gets one; former ones go when no call stands on them.
    private mutating func changeGateways(into effects: inout [Effect]) {
        let wanted = Set(configuration.pools.map(\.gateway))
        for address in wanted.subtracting(gateways).sorted(by: { "\($0)" < "\($1)" }) {
            gateways.insert(address)
            request(.addGatewayAddress(address), for: .addGateway(address), into: &effects)
        }
        for address in gateways.subtracting(wanted).sorted(by: { "\($0)" < "\($1)" }) {
            dropGateway(address, into: &effects)
        }
    }

    /// Takes it away if it is not configured, and no call stands on it.
    mutating func dropGateway(_ address: IPAddress, into effects: inout [Effect]) {
        guard gateways.contains(address), !configuration.pools.contains(where: { $0.gateway == address }),
            !pools.isGatewayInUse(address)
        else { return }
        gateways.remove(address)
        request(.removeGatewayAddress(address), for: .removeGateway(address), into: &effects)
    }

    private func profile(of id: RequestID) -> String? {
        let keys = associations[id]?.ikeSAs.max { $0.rawValue < $1.rawValue }
        return keys.flatMap { ike.profileName(of: $0) }
    }
}

extension ControlPlane.Departure.Reason {
    fileprivate init?(_ standing: IKE.Endpoint.Standing?) {
        switch standing {
        case .stays?, nil: return nil
        case .profileRemoved(let name)?: self = .profileRemoved(name)
        case .addressOutside(let profile, let address)?: self = .addressOutside(profile: profile, address)
        }
    }

    /// `nil` for a user who may stay.
    fileprivate init?(_ userName: String, _ users: UserDirectory) {
        guard let user = users[userName] else {
            self = .userRemoved(userName)
            return
        }
        guard user.isDisabled else { return nil }
        self = .userDisabled(userName)
    }
}
