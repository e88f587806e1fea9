// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import DataPlane
import IKE
import Primitives
import Runtime
import Testing

struct EffectInterpreterTests {
    @Test func performsInOrderAndKeepsDatagramsForTheEndOfTheTurn() throws {
        let plane = RecordingPlane()
        let pipe = Pipe()
        var listen = IKESockets.Listen(addresses: [localhost])
        listen.ikePort = 0
        listen.natTraversalPort = 0
        listen.takesESP = false
        var interpreter = EffectInterpreter(
            sockets: try IKESockets(listen),
            plane: plane,
            sink: EventSink(output: LogOutput(descriptor: pipe.writer))
        )
        let peer = try UDPSocket(bindingTo: SocketAddress(localhost, port: 0))
        let receiver = try ReceiverBox()
        let socket = RequestID(serial: 1, port: 20_000)
        let session = KernelSessionID(tunnel: 1, session: 2)
        let ticket = DataPlaneTicket(rawValue: 5)
        let datagram = Datagram(
            bytes: [1],
            port: .ike,
            local: SocketAddress(localhost, port: 500),
            peer: peer.local
        )

        interpreter.perform(
            [
                .transmit(datagram),
                .send([2], on: socket, to: peer.local),
                .request(.closeSocket(socket), ticket),
                .write([3], to: session),
            ],
            at: seconds(1)
        )
        #expect(
            plane.entries == [
                .send([2], socket, peer.local), .submit(.closeSocket(socket), ticket), .write([3], session),
            ]
        )
        #expect(try receiver.receive(from: peer) == 0)
        interpreter.send()
        #expect(try receiver.receive(from: peer) == 1)
        #expect(receiver.datagram(at: 0)?.bytes == [1])
        let sent = interpreter.sink.counters.packets.sent
        #expect(sent == 1)
    }
}
