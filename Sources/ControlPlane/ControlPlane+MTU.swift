// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
internal import IKE
internal import L2TP
internal import PPP
internal import Primitives

/// How large a user's packets may be: it follows the keys, the peer's address and what the path carries.
///
/// What the kernel sends to a peer may be cut in pieces, so nothing gets lost where the path is narrow, but over IPv4
/// no router complains either. So now and then a packet goes out that may not be cut: as large as the largest of a
/// user's, and one that every peer takes and forgets. Where it does not fit, a router says what would, and the kernel
/// keeps that for ten minutes. It is asked two seconds later.
extension ControlPlane {
    /// How often a path is tried: often enough that the kernel does not forget meanwhile.
    private static let probeInterval: Duration = .seconds(300)
    /// Until the routers of a path have answered.
    private static let answerTime: Duration = .seconds(2)

    /// What nobody may talk us below: every host takes such packets (RFC 791 §3.1, RFC 8200 §5).
    private static func leastOuterMTU(isV4: Bool) -> Int { isV4 ? 576 : 1280 }

    func mtu(of call: Call, in association: Association) -> (Int, String) {
        var (mtu, explanation) = mtu(in: association, call.sizing, usesSequenceNumbers: call.usesSequenceNumbers)
        if let peerMRU = call.peerMRU, peerMRU < mtu {
            explanation = "\(peerMRU), the peer's MRU, below \(mtu)"
            mtu = peerMRU
        }
        return (mtu, explanation)
    }

    /// - Returns: The MTU before the peer has said what it takes, and why it is that.
    func mtu(in association: Association, _ sizing: Call.Sizing, usesSequenceNumbers: Bool) -> (Int, String) {
        if case .fixed(let mtu) = sizing.mtu { return (Int(mtu), "\(mtu), as configured") }
        guard let child = association.standingChild else {
            return (1280, "1280, for want of a security association to reckon with")
        }
        let configured = sizing.outerMTU
        let least = Self.leastOuterMTU(isV4: association.peer.address.isV4)
        let outer = association.narrowing.mtu.map { min(max($0, least), configured) } ?? configured
        let overhead = EncapsulationOverhead(
            of: child.sa,
            usesSequenceNumbers: usesSequenceNumbers,
            outerMTU: outer
        )
        let narrowing = outer < configured ? ", for the path takes \(outer) of \(configured) bytes" : ""
        return (overhead.mtu, overhead.explanation + narrowing)
    }

    /// Something has changed of what the MTU is reckoned from: so it changes for every call of the association.
    /// Between keys there is nothing to reckon with, and what was stays.
    mutating func followMTU(of id: RequestID, into effects: inout [Effect]) {
        guard let association = associations[id], association.standingChild != nil else { return }
        for key in association.calls {
            guard let call = calls[key] else { continue }
            let (mtu, explanation) = mtu(of: call, in: association)
            guard explanation != call.mtuExplanation else { continue }
            calls[key]?.mtuExplanation = explanation
            guard mtu != call.mtu else { continue }
            calls[key]?.mtu = mtu
            guard call.kernel != .absent else { continue }
            request(.setMTU(key.kernelID, mtu), for: .setMTU(key, serial: call.serial, mtu), into: &effects)
        }
    }

    /// What the kernel refuses is asked for again whenever the MTU is reckoned anew.
    mutating func mtuAnswered(
        _ key: SessionKey,
        serial: UInt64,
        _ mtu: Int,
        _ outcome: DataPlaneOutcome,
        into effects: inout [Effect]
    ) {
        guard let call = calls[key], call.serial == serial else { return }
        switch outcome {
        case .failed(let error):
            if call.mtu == mtu {
                calls[key]?.mtu = call.kernelMTU
                calls[key]?.mtuExplanation = "\(call.kernelMTU), for the kernel refuses \(mtu)"
            }
            guard call.refusedMTU != mtu, case .up(let interface) = call.kernel else { return }
            calls[key]?.refusedMTU = mtu
            report(.mtuRefused(interface: interface, mtu, error), of: call, into: &effects)
        case .done, .created, .counters, .inventory, .pathMTU:
            calls[key]?.kernelMTU = mtu
            calls[key]?.refusedMTU = nil
            // Otherwise another one is on its way.
            guard call.mtu == mtu, call.kernelMTU != mtu, case .up(let interface) = call.kernel else { return }
            let (former, reason) = (call.kernelMTU, call.mtuExplanation)
            report(.mtuChanged(interface: interface, from: former, to: mtu, because: reason), of: call, into: &effects)
        }
    }

    private func report(_ kind: CallEvent.Kind, of call: Call, into effects: inout [Effect]) {
        let peer = associations[call.association]?.peer ?? call.peer
        effects.append(.report(.call(CallEvent(trace: call.trace, peer: peer, kind: kind))))
    }

    // MARK: The path

    /// Tries the path now, and from now on now and then, if a call is up whose MTU follows it.
    mutating func lookAtPath(of id: RequestID, at now: MonotonicTime, into effects: inout [Effect]) {
        guard let association = associations[id], case .connected = association.socket else { return }
        let up = association.calls.filter { calls[$0].map { $0.kernel.isUp && $0.sizing.mtu == .auto } ?? false }
        guard !up.isEmpty else {
            associations[id]?.narrowing.nextProbe = nil
            return
        }
        // The kernel numbers the packets of a session that has sequence numbers: ours would come in between.
        let probes = up.compactMap { key -> (length: Int, key: SessionKey)? in
            guard let call = calls[key], !call.usesSequenceNumbers else { return nil }
            return (largestPacket(of: call, in: association), key)
        }
        if let probe = probes.max(by: { $0.length < $1.length }),
            let frame = calls[probe.key]?.link.discardRequest(length: probe.length),
            let message = l2tp.dataMessage(carrying: frame, for: probe.key), message.socket == id
        {
            request(.probePath(id, message.datagram), for: .probePath(id), into: &effects)
        }
        associations[id]?.narrowing.nextReading = now.advanced(by: Self.answerTime)
        associations[id]?.narrowing.nextProbe = now.advanced(by: Self.probeInterval)
        scheduleVisit(to: id)
    }

    /// What a user could send if the path were as wide as configured: what is smaller is no proof of that.
    private func largestPacket(of call: Call, in association: Association) -> Int {
        mtu(of: call, in: association.asIfWide).0
    }

    mutating func visitPath(of id: RequestID, at now: MonotonicTime, into effects: inout [Effect]) {
        if let due = associations[id]?.narrowing.nextReading, due <= now {
            associations[id]?.narrowing.nextReading = nil
            readPathMTU(of: id, into: &effects)
        }
        if let due = associations[id]?.narrowing.nextProbe, due <= now {
            associations[id]?.narrowing.nextProbe = nil
            lookAtPath(of: id, at: now, into: &effects)
        }
    }

    mutating func readPathMTU(of id: RequestID, into effects: inout [Effect]) {
        guard let association = associations[id], case .connected = association.socket,
            // Calls may follow.
            configuration.mtu == .auto || association.calls.contains(where: { calls[$0]?.sizing.mtu == .auto })
        else { return }
        request(.readPathMTU(id), for: .readPathMTU(id), into: &effects)
    }

    /// Without an answer what was known stays.
    mutating func pathRead(of id: RequestID, _ outcome: DataPlaneOutcome, into effects: inout [Effect]) {
        guard case .pathMTU(let mtu) = outcome, associations[id] != nil else { return }
        associations[id]?.narrowing.mtu = mtu
        followMTU(of: id, into: &effects)
    }
}
