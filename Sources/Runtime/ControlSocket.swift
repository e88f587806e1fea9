// SPDX-License-Identifier: Apache-2.0
internal import NIOCore
internal import NIOPosix

/// A listening Unix socket, its file, and what callers may there.
package struct ControlListener: ~Copyable {
    let descriptor: OwnedDescriptor
    let file: ControlSocketFile
    let access: ControlAccess

    /// - Parameter descriptor: Taken over.
    package init(descriptor: CInt, file: ControlSocketFile, access: ControlAccess) {
        self.init(descriptor: OwnedDescriptor(adopting: descriptor), file: file, access: access)
    }

    init(descriptor: consuming OwnedDescriptor, file: ControlSocketFile, access: ControlAccess) {
        self.descriptor = descriptor
        self.file = file
        self.access = access
    }

    consuming func release() -> CInt { descriptor.release() }
}

/// HTTP/1.1 on Unix sockets, for `culvertctl` and for `curl --unix-socket`: one request per connection.
///
/// It runs on a thread of its own. Every request is posted to the shard and answered when the shard
/// has answered; so a client can be as slow as it likes without the gateway noticing.
package final class ControlSocket: Sendable {
    package struct Limits: Hashable, Sendable {
        /// To each socket: so readers cannot keep administrators out.
        package var connections = 32
        /// Connections to each socket of those who may not use it; they hear why, and the others hear nothing of them.
        package var strangers = 8
        /// Of a request's body.
        package var bodyBytes = 64 << 10
        /// Of a whole request.
        package var requestBytes = 80 << 10
        package var headers = 64
        /// From the connection to the end of the request.
        package var requestTime: Duration = .seconds(5)
        /// From the connection to the end of the answer; a stream of events has no end.
        package var connectionTime: Duration = .seconds(30)
        /// Of all answers of one socket that are not read yet; one alone may be longer. Each socket has as much, so that
        /// readers who do not read leave administrators theirs: two sockets hold twice that.
        package var answerBytes = 64 << 20
        /// Of the connections to each socket, the ones that follow the events.
        package var streams = 16
        /// What waits for one listener.
        package var streamEvents = 4096
        package var streamBytes = 1 << 20
        /// A listener that takes nothing for so long is let go.
        package var stallTime: Duration = .seconds(30)
        package var heartbeat: Duration = .seconds(15)

        package init() {}
    }

    private let group: MultiThreadedEventLoopGroup
    private let channels: [any Channel]
    private let files: [ControlSocketFile]
    private let hub: NIOLoopBound<EventHub>

    /// - Parameters:
    ///   - administrative: Where everything may be asked for.
    ///   - readOnly: Where nothing can be changed; `nil` if there is no such socket.
    package init(
        administrative: consuming ControlListener,
        readOnly: consuming ControlListener?,
        mailbox: Mailbox<ShardMessage>,
        feed: EventFeed,
        limits: Limits = Limits()
    ) throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let eventLoop = group.next()
        let path = administrative.file.path
        do {
            let service = try eventLoop.submit {
                NIOLoopBound(
                    ControlService(mailbox: mailbox, feed: feed, limits: limits, eventLoop: eventLoop),
                    eventLoop: eventLoop
                )
            }.wait()
            hub = try eventLoop.submit { NIOLoopBound(service.value.hub, eventLoop: eventLoop) }.wait()
            var channels: [any Channel] = []
            var files = [administrative.file]
            channels.append(try Self.listen(on: administrative, group, service, administrativePath: path))
            if let readOnly {
                files.append(readOnly.file)
                channels.append(try Self.listen(on: readOnly, group, service, administrativePath: path))
            }
            self.channels = channels
            self.files = files
        } catch {
            try? group.syncShutdownGracefully()
            throw error
        }
        self.group = group
    }

    private static func listen(
        on listener: consuming ControlListener,
        _ group: MultiThreadedEventLoopGroup,
        _ service: NIOLoopBound<ControlService>,
        administrativePath: String
    ) throws -> any Channel {
        let access = listener.access
        let authority = PeerAuthority(listener.file, access)
        let door = try group.next().submit {
            let door = service.value.door(access, authority, administrativePath: administrativePath)
            return NIOLoopBound(door, eventLoop: service.eventLoop)
        }.wait()
        return try ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try service.value.serve(channel, at: door.value) }
            }
            .withBoundSocket(listener.release())
            .wait()
    }

    /// Ends the streams, stops listening and removes the socket files. Answers under way are cut off.
    package func close() {
        for file in files { file.remove() }
        let hub = hub
        try? group.next().submit { hub.value.finish() }.wait()
        for channel in channels { try? channel.close().wait() }
        try? group.syncShutdownGracefully()
    }
}

/// What all connections share. Used on NIO's thread.
private final class ControlService {
    let hub: EventHub
    private let mailbox: Mailbox<ShardMessage>
    private let limits: ControlSocket.Limits
    private let refusals: PeerRefusals

    init(
        mailbox: Mailbox<ShardMessage>,
        feed: EventFeed,
        limits: ControlSocket.Limits,
        eventLoop: any NIOCore.EventLoop
    ) {
        self.mailbox = mailbox
        self.limits = limits
        hub = EventHub(feed: feed, eventLoop: eventLoop)
        refusals = PeerRefusals(mailbox: mailbox, eventLoop: eventLoop)
    }

    func door(_ access: ControlAccess, _ authority: PeerAuthority, administrativePath: String) -> ControlDoor {
        ControlDoor(
            access: access,
            authority: authority,
            administrativePath: administrativePath,
            refusals: refusals,
            answers: AnswerBudget(limit: limits.answerBytes)
        )
    }

    func serve(_ channel: any Channel, at door: ControlDoor) throws {
        let conversation = ControlConversation(mailbox: mailbox, limits: limits, door: door, hub: hub)
        try channel.pipeline.syncOperations.addHTTP(requestBytes: limits.requestBytes, conversation)
    }
}
