// SPDX-License-Identifier: Apache-2.0
import CLinux
import DataPlane
import Glibc
import Kernel
import Primitives
import Testing

extension RealKernelTests {
    /// Every step fails once with each of several errors: afterwards the kernel looks as before, the next try works.
    @Suite(.serialized) struct HalfwayTests {
        private static let errors: [Int32] = [EPERM, ENOMEM, EEXIST, ESRCH, EINVAL, EBUSY]

        /// Two of them, others for each step: so that all are met without trying everything with everything.
        private static func errors(_ step: String) -> [Int32] {
            let place = step.utf8.reduce(0) { $0 + Int($1) }
            return [errors[place % 6], errors[(place + 1 + place / 6 % 5) % 6]]
        }

        private static func code(_ outcome: DataPlaneOutcome?) -> Int32? {
            if case .failed(let error) = outcome { error.code } else { nil }
        }

        @Test("N01: a socket of which one step is refused is not there, the next one is")
        func sockets() throws {
            try RealKernel.inNamespaces("F") {
                let faults = FaultPlan()
                let node = try Node("F", faults: faults)
                let peer = try LoopPeer(1)
                #expect(node.perform([.install(peer.inbound), .install(peer.outbound)]) == [.done, .done])
                let before = node.picture()
                for (step, pass) in [
                    ("socket(SOCK_DGRAM)", 0), ("IP_XFRM_POLICY", 0), ("IP_XFRM_POLICY", 1), ("IP_MTU_DISCOVER", 0),
                    ("SO_REUSEADDR", 0), ("bind", 0),
                ] {
                    for error in Self.errors(step) {
                        faults.inject(.refusal(error), at: step, pass: pass)
                        let outcomes = node.perform([
                            .openSocket(peer.socket), .connectSocket(peer.requestID, to: peer.peer),
                        ])
                        #expect(outcomes.map(Self.code) == [error, EBADF], "\(step)")
                        #expect(faults.clear(), "\(step) was never taken")
                        #expect(node.changes(since: before) == [], "\(step)")
                    }
                }
                // Connecting: a refusal leaves the socket as it was.
                faults.inject(.refusal(ENOMEM), at: "connect")
                #expect(
                    node.perform([.openSocket(peer.socket), .connectSocket(peer.requestID, to: peer.peer)])
                        .map(Self.code) == [nil, ENOMEM]
                )
                #expect(faults.clear())
                #expect(Self.code(node.perform([.createSession(peer.session)]).first) == ENOTCONN)
                #expect(node.perform([.connectSocket(peer.requestID, to: peer.peer)]) == [.done])
                #expect(node.perform([.closeSocket(peer.requestID)]) == [.done])
                #expect(node.changes(since: before) == [])
                node.shutDown()
                #expect(node.remains() == "")
            }
        }

        @Test("N01: a session of which one step is refused is not there, the next one is")
        func sessions() throws {
            try RealKernel.inNamespaces("F") {
                let faults = FaultPlan()
                let node = try Node("F", workers: 1, faults: faults)
                Node.enter("F")
                try node.plane.addGatewayAddress(LoopPeer.gateway)
                let peer = try LoopPeer(1)
                #expect(node.perform(peer.opening).allSatisfy { $0 == .done })
                // The first goes to the end, so that the threads' sockets are open.
                guard case .created = node.perform([.createSession(peer.session)])[0] else {
                    Issue.record("no session at all")
                    return
                }
                #expect(node.perform([.removeSession(peer.session.id)]) == [.done])
                let before = node.picture()
                for (step, pass) in [
                    ("socket(PX_PROTO_OL2TP)", 0), ("connect(PX_PROTO_OL2TP)", 0), ("PPPOL2TP_SO_SENDSEQ", 0),
                    ("PPPIOCGCHAN", 0), ("open(/dev/ppp)", 0), ("open(/dev/ppp)", 1), ("PPPIOCATTCHAN", 0),
                    ("RTM_NEWLINK cv0", 0), ("PPPIOCGUNIT", 0), ("PPPIOCCONNECT", 0), ("SIOCGIFINDEX", 0),
                ] {
                    for error in step.hasPrefix("RTM") ? Self.errors : Self.errors(step) {
                        let isDevice = step.hasPrefix("RTM")
                        // A device is tried again when the kernel is busy, and under other names when one is taken.
                        let times = isDevice && error == EBUSY ? 200 : isDevice && error == EEXIST ? 3 : 1
                        faults.inject(.refusal(error), at: step, pass: pass, times: times)
                        let outcomes = node.perform([.createSession(peer.session), .bringUp(peer.interface)])
                        #expect(outcomes.map(Self.code) == [error, ENODEV], "\(step)")
                        #expect(faults.clear(), "\(step) was never taken")
                        #expect(node.changes(since: before) == [], "\(step), errno \(error)")
                    }
                }
                faults.inject(.refusal(EBUSY), at: "RTM_NEWLINK cv0", times: 3)
                guard case .created("cv0", _) = node.perform([.createSession(peer.session)])[0] else {
                    Issue.record("busy for a moment only")
                    return
                }
                #expect(faults.clear())
                // Bringing up is all or nothing, too.
                let made = node.picture()
                for step in ["RTM_NEWLINK cv0 up", "RTM_NEWROUTE"] {
                    for error in Self.errors(step) {
                        faults.inject(.refusal(error), at: step)
                        #expect(node.perform([.bringUp(peer.interface)]).map(Self.code) == [error], "\(step)")
                        #expect(faults.clear(), "\(step) was never taken")
                        #expect(node.changes(since: made) == [], "\(step), errno \(error)")
                    }
                }
                #expect(node.perform([.bringUp(peer.interface)]) == [.done])
                // Whatever goes wrong in removal, nothing is left.
                for step in ["RTM_DELROUTE", "RTM_NEWLINK", "RTM_DELLINK"] {
                    for error in Self.errors(step) {
                        faults.inject(.refusal(error), at: step)
                        #expect(node.perform([.removeSession(peer.session.id)]) == [.done])
                        #expect(faults.clear(), "\(step) was never taken")
                        #expect(node.changes(since: before) == [], "\(step), errno \(error)")
                        let again = node.perform([.createSession(peer.session), .bringUp(peer.interface)])
                        #expect(again.map(Self.code) == [nil, nil], "\(step), errno \(error)")
                    }
                }
                peer.go(node)
                node.shutDown()
                #expect(node.remains() == "")
            }
        }

        @Test("N01: a tunnel that is refused can be made with the next session")
        func tunnels() throws {
            try RealKernel.inNamespaces("F") {
                let faults = FaultPlan()
                let node = try Node("F", faults: faults)
                let peer = try LoopPeer(1)
                #expect(node.perform(peer.opening).allSatisfy { $0 == .done })
                for error in Self.errors {
                    faults.inject(.refusal(error), at: "L2TP_CMD_TUNNEL_CREATE")
                    #expect(node.perform([.createSession(peer.session)]).map(Self.code) == [error])
                    #expect(faults.clear())
                    #expect(!RealKernel.shell("ip netns exec F cat /proc/net/pppol2tp").contains("TUNNEL '"))
                }
                guard case .created = node.perform([.createSession(peer.session)])[0] else {
                    Issue.record("no session")
                    return
                }
                peer.go(node)
                node.shutDown()
                #expect(node.remains() == "")
            }
        }

        @Test("N01: an association is removed when it is gone already, and when the kernel was busy")
        func removals() throws {
            try RealKernel.inNamespaces("F") {
                let faults = FaultPlan()
                let node = try Node("F", faults: faults)
                let peer = try LoopPeer(1)
                for error in Self.errors {
                    faults.inject(.refusal(error), at: "XFRM_MSG_NEWSA")
                    #expect(
                        node.perform([.install(peer.inbound), .install(peer.outbound)]).map(Self.code) == [error, nil]
                    )
                    #expect(RealKernel.shell("ip -n F xfrm state count").contains("SAD count 1"))
                    #expect(node.perform([.remove(peer.inbound.id), .remove(peer.outbound.id)]) == [.done, .done])
                    #expect(faults.clear())
                }
                for (times, error) in [(3, nil), (4, EBUSY)] {
                    #expect(node.perform([.install(peer.inbound)]) == [.done])
                    faults.inject(.refusal(EBUSY), at: "XFRM_MSG_DELSA", times: times)
                    #expect(node.perform([.remove(peer.inbound.id)]).map(Self.code) == [error])
                    #expect(faults.clear())
                    #expect(node.perform([.remove(peer.inbound.id)]) == [.done])
                }
                #expect(node.perform([.install(peer.inbound)]) == [.done])
                faults.inject(.refusal(EPERM), at: "XFRM_MSG_DELSA")
                #expect(node.perform([.remove(peer.inbound.id)]).map(Self.code) == [EPERM])
                // Not forgotten: it goes with the rest.
                node.shutDown()
                #expect(node.remains() == "")
            }
        }

        @Test("N01: an association whose move is refused stays where it was or is told to be gone")
        func moves() throws {
            try RealKernel.inNamespaces("F") {
                let faults = FaultPlan()
                let node = try Node("F", faults: faults)
                let peer = try LoopPeer(1, isEncapsulated: true)
                #expect(node.perform([.install(peer.inbound), .install(peer.outbound)]) == [.done, .done])
                func states() -> String {
                    // Lifetimes begin to be used when an association is looked at.
                    RealKernel.shell("ip -n F xfrm state").split(separator: "\n").map {
                        $0.replacing(/oseq 0x[0-9a-f]+/, with: "")
                    }
                    .sorted().joined(separator: "\n")
                }
                let before = states()
                let byPort = SocketAddress(peer.address, port: 41_000)
                let byAddress = SocketAddress(.v4(0x7F02_0001), port: 41_000)
                for error in [ENOMEM, ESRCH, EBUSY] {
                    for (step, place) in [
                        ("XFRM_MSG_GETSA", byPort), ("XFRM_MSG_UPDSA", byPort), ("XFRM_MSG_NEWSA", byAddress),
                    ] {
                        for (id, direction) in [
                            (peer.inbound.id, SecurityAssociation.Direction.inbound), (peer.outbound.id, .outbound),
                        ] {
                            faults.inject(.refusal(error), at: step)
                            let outcome = node.perform([.move(id, direction, to: place)]).first
                            #expect(Self.code(outcome) == error, "\(step) \(direction)")
                            #expect(faults.clear(), "\(step) \(direction)")
                            #expect(states() == before, "\(step) \(direction), errno \(error)")
                            if step == "XFRM_MSG_GETSA", error == ESRCH {
                                // Made up, but the plane has to believe it.
                                #expect(node.takeOthers() == [.vanished(.association(id))])
                            }
                        }
                    }
                    // The old one cannot be removed: what was made instead is taken back.
                    guard error != ESRCH else { continue }
                    let times = error == EBUSY ? 4 : 1
                    faults.inject(.refusal(error), at: "XFRM_MSG_DELSA", times: times)
                    #expect(Self.code(node.perform([.move(peer.outbound.id, .outbound, to: byAddress)]).first) == error)
                    #expect(faults.clear())
                    #expect(states() == before, "errno \(error)")
                    faults.inject(.refusal(error), at: "XFRM_MSG_DELSA")
                    #expect(Self.code(node.perform([.move(peer.inbound.id, .inbound, to: byAddress)]).first) == error)
                    #expect(faults.clear())
                    #expect(states() == before, "errno \(error)")
                }
                #expect(node.takeOthers() == [])
                // Neither the new nor the old one can be made: it is gone, and that is told.
                let brief = try LoopPeer(2, isEncapsulated: true)
                #expect(node.perform([.install(brief.inbound)]) == [.done])
                faults.inject(.refusal(ENOMEM), at: "XFRM_MSG_NEWSA", times: 2)
                #expect(Self.code(node.perform([.move(brief.inbound.id, .inbound, to: byAddress)]).first) == ENOMEM)
                #expect(faults.clear())
                #expect(node.takeOthers() == [.vanished(.association(brief.inbound.id))])
                #expect(Self.code(node.perform([.move(brief.inbound.id, .inbound, to: byPort)]).first) == ESRCH)
                #expect(node.takeOthers() == [])
                // The twin: unhindered.
                let moved = SecurityAssociation.ID(destination: byAddress.address, spi: peer.outbound.spi)
                #expect(
                    node.perform([
                        .move(peer.inbound.id, .inbound, to: byAddress),
                        .move(peer.outbound.id, .outbound, to: byAddress), .move(moved, .outbound, to: byAddress),
                    ]) == [.done, .done, .done]
                )
                let wrongFamily = try SocketAddress(#require(IPAddress("2001:db8::1")), port: 1)
                #expect(Self.code(node.perform([.move(moved, .outbound, to: wrongFamily)]).first) == EAFNOSUPPORT)
                #expect(states() != before && states().contains("dport 41000"))
                #expect(node.perform([.remove(moved)]) == [.done])
                node.shutDown()
                #expect(node.remains() == "")
            }
        }

        @Test("N07: a request that is never answered ends with an error and an inventory is asked for; others go on")
        func silence() throws {
            try RealKernel.inNamespaces("F") {
                let faults = FaultPlan()
                let node = try Node("F", patience: 300, faults: faults)
                let peer = try LoopPeer(1)
                faults.inject(.silence, at: "XFRM_MSG_NEWSA", pass: 1)
                let start = RealKernel.milliseconds
                #expect(
                    node.perform([.install(peer.inbound), .install(peer.outbound)]).map(Self.code)
                        == [ETIMEDOUT, ETIMEDOUT]
                )
                #expect((300..<3000).contains(RealKernel.milliseconds - start))
                #expect(node.takeOthers() == [.noticesLost])
                // The first is there, and what is asked next is answered, though an answer is missing.
                #expect(
                    node.perform([.takeInventory])
                        == [.inventory(KernelInventory(associations: [peer.inbound.id]))]
                )
                #expect(node.perform([.install(peer.outbound)]) == [.done])
                #expect(
                    node.perform([.openSocket(peer.socket), .connectSocket(peer.requestID, to: peer.peer)])
                        == [.done, .done]
                )
                faults.inject(.silence, at: "RTM_NEWLINK cv0")
                #expect(Self.code(node.perform([.createSession(peer.session)]).first) == ETIMEDOUT)
                guard case .created = node.perform([.createSession(peer.session)])[0] else {
                    Issue.record("no session after the silence")
                    return
                }
                #expect(faults.clear())
                peer.go(node)
                node.shutDown()
                #expect(node.remains() == "")
            }
        }

        @Test("N01: without threads everything is done all the same")
        func noThreads() throws {
            try RealKernel.inNamespaces("F") {
                let faults = FaultPlan()
                faults.inject(.refusal(EAGAIN), at: "pthread_create", times: .max)
                let node = try Node("F", faults: faults)
                Node.enter("F")
                try node.plane.addGatewayAddress(LoopPeer.gateway)
                let peer = try LoopPeer(1)
                try peer.comeUp(node)
                peer.go(node)
                node.shutDown()
                #expect(node.remains() == "")
            }
        }
    }
}
