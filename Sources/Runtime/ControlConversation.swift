// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import NIOCore
internal import NIOHTTP1

/// One connection to the control socket: reads one request, asks the shard, writes the answer, closes.
final class ControlConversation: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        case waitHead
        case waitBody(ControlRoute, ByteBuffer)
        /// The shard was asked.
        case waitReply(ControlRoute)
        /// An answer is on its way; what else comes is not read.
        case answered
    }

    private var state = State.waitHead
    private var requester: Requester?
    private var timers: [Scheduled<Void>] = []
    private var context: ChannelHandlerContext?
    private let mailbox: Mailbox<ShardMessage>
    private let limits: ControlSocket.Limits
    private let connections: ConnectionCount

    init(mailbox: Mailbox<ShardMessage>, limits: ControlSocket.Limits, connections: ConnectionCount) {
        self.mailbox = mailbox
        self.limits = limits
        self.connections = connections
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        let count = connections.enter()
        learnRequester(context)
        let eventLoop = context.eventLoop.assumeIsolated()
        timers = [
            eventLoop.scheduleTask(in: TimeAmount(limits.requestTime)) { self.giveUpWaiting() },
            eventLoop.scheduleTask(in: TimeAmount(limits.connectionTime)) { self.context?.close(promise: nil) },
        ]
        if count > limits.connections { answer(ControlResponse(.tooMany)) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        connections.leave()
        for timer in timers { timer.cancel() }
        timers = []
        state = .answered
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        do {
            state = try next(after: unwrapInboundIn(data))
        } catch {
            answer(ControlResponse(error))
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case let refusal as ControlRefusal: answer(ControlResponse(refusal))
        case is HTTPParserError: answer(ControlResponse(.malformed))
        case _: context.close(promise: nil)
        }
    }

    private func next(after part: HTTPServerRequestPart) throws(ControlRefusal) -> State {
        switch (state, part) {
        case (.waitHead, .head(let head)):
            if let length = head.headers.first(name: "content-length").flatMap({ Int($0) }), length > limits.bodyBytes {
                throw .tooLarge
            }
            return .waitBody(try ControlRoute(method: head.method.rawValue, path: head.uri), ByteBuffer())
        case (.waitBody(let route, var body), .body(var more)):
            guard body.readableBytes + more.readableBytes <= limits.bodyBytes else { throw .tooLarge }
            body.writeBuffer(&more)
            return .waitBody(route, body)
        case (.waitBody(let route, let body), .end):
            let request = try route.request(body: Array(body.readableBytesView), from: requester)
            guard ask(request, on: route) else { throw .busy }
            return .waitReply(route)
        case (let state, _):
            // A second request on the connection, or the rest of one that is answered already.
            return state
        }
    }

    private func ask(_ request: ControlRequest, on route: ControlRoute) -> Bool {
        guard let eventLoop = context?.eventLoop else { return false }
        let conversation = NIOLoopBound(self, eventLoop: eventLoop)
        return mailbox.post(
            .request(request) { reply in
                // The shard's thread only passes it on: writing ten thousand calls as JSON takes its time.
                eventLoop.execute { conversation.value.answer(ControlResponse(reply, on: route)) }
            }
        )
    }

    private func giveUpWaiting() {
        switch state {
        case .waitHead, .waitBody: answer(ControlResponse(.tooSlow))
        // Reading long files takes its time; the whole connection has an end, too.
        case .waitReply(.reload): break
        case .waitReply: answer(ControlResponse(.busy))
        case .answered: break
        }
    }

    /// Writes the one answer of this connection, then closes it.
    private func answer(_ response: ControlResponse) {
        if case .answered = state { return }
        state = .answered
        guard let context else { return }
        let head = HTTPResponseHead(
            version: .http1_1,
            status: HTTPResponseStatus(statusCode: response.status),
            headers: [
                "content-type": "application/json",
                "content-length": String(response.body.count),
                "connection": "close",
            ]
        )
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: response.body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { _ in
            self.context?.close(promise: nil)
        }
    }

    /// Who is at the other end; for the log.
    private func learnRequester(_ context: ChannelHandlerContext) {
        guard let socket = context.channel as? any SocketOptionProvider else { return }
        let credentials: EventLoopFuture<culvert_credentials> = socket.unsafeGetSocketOption(
            level: .socket,
            name: NIOBSDSocket.Option(rawValue: culvert_so_peercred)
        )
        credentials.assumeIsolated().whenSuccess {
            self.requester = Requester(user: $0.uid, process: $0.pid)
        }
    }
}
