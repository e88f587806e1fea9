// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
internal import L2TP
internal import PPP
internal import Primitives

/// Which address a call gets, and the kernel session that goes with it.
extension ControlPlane {
    /// The peer has proved to be `userName`. If an older call of the same user has the user's own address, that call
    /// ends: a client that rebooted without a goodbye comes back at once. The address passes on when its route is gone.
    mutating func openNetwork(
        for userName: String,
        _ key: SessionKey,
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) {
        guard let call = calls[key], call.lease == nil else { return }
        let fixed = users[userName]?.address
        if let lease = pools.lease(fixed: fixed) {
            if let fixed {
                fixedAddresses.hold(fixed, by: key)
                calls[key]?.fixedAddress = fixed
            }
            openNetwork(for: userName, key, with: lease, at: now, into: &effects)
            return
        }
        guard let fixed else {
            refuseNetwork(of: call, userName, fixed: nil, at: now, into: &effects)
            return
        }
        let rivals = [fixedAddresses.holders[fixed], fixedAddresses.waiting[fixed]?.key].compactMap(\.self)
        let isOwn = rivals.allSatisfy { calls[$0]?.userName == userName }
        guard isOwn, !rivals.isEmpty || fixedAddresses.departing.contains(fixed) else {
            refuseNetwork(of: call, userName, fixed: fixed, at: now, into: &effects)
            return
        }
        calls[key]?.userName = userName
        calls[key]?.fixedAddress = fixed
        fixedAddresses.wait(for: fixed, key, userName: userName)
        for rival in rivals where rival != key {
            calls[rival]?.reason = "a newer call of the same user takes its address"
            perform(l2tp.close(rival, because: .administrative, at: now), at: now, into: &effects)
        }
    }

    private mutating func refuseNetwork(
        of call: Call,
        _ userName: String,
        fixed: IPAddress?,
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) {
        let event = CallEvent(trace: call.trace, peer: call.peer, kind: .noAddress(userName: userName, fixed: fixed))
        effects.append(.report(.call(event)))
        withLink(call.key, at: now, into: &effects) { $0.close(.noAddress, at: now) }
    }

    private mutating func openNetwork(
        for userName: String,
        _ key: SessionKey,
        with lease: AddressPools.Lease,
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) {
        guard var call = calls[key] else { return }
        call.peerMRU = Int(call.link.snapshot.peerMRU)
        if let association = associations[call.association] {
            (call.mtu, call.mtuExplanation) = mtu(of: call, in: association)
        }
        call.userName = userName
        call.lease = lease
        if let session = l2tp.snapshot(of: key) {
            call.kernel = .creating(wantsInterface: false)
            call.kernelMTU = call.mtu
            let kernelSession = L2TPSession(
                id: key.kernelID,
                peerID: KernelSessionID(
                    tunnel: UInt32(session.peerTunnel.rawValue),
                    session: UInt32(session.peerSession.rawValue)
                ),
                socket: session.socket,
                usesSequenceNumbers: session.usesSequenceNumbers,
                mtu: call.mtu
            )
            request(.createSession(kernelSession), for: .createSession(key, serial: call.serial), into: &effects)
        }
        calls[key] = call
        let isFixed = users[userName]?.address == lease.address
        report(
            .addressAssigned(userName: userName, lease.address, isFixed: isFixed),
            of: call.association,
            into: &effects
        )
        let offer = NetworkOffer(
            localAddress: lease.gateway,
            peerAddress: lease.address,
            dns: configuration.dns,
            wins: configuration.wins
        )
        withLink(key, at: now, into: &effects) { $0.openNetwork(offer, at: now) }
    }

    /// Nothing leads to the address any more.
    mutating func release(_ lease: AddressPools.Lease, at now: MonotonicTime, into effects: inout [Effect]) {
        pools.release(lease)
        fixedAddresses.hasDeparted(lease.address)
        dropGateway(lease.gateway, into: &effects)
        // The user may have another address by now.
        guard let next = fixedAddresses.takeWaiting(for: lease.address) else { return }
        openNetwork(for: next.userName, next.key, at: now, into: &effects)
    }
}
