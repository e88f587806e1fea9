// SPDX-License-Identifier: Apache-2.0
internal import NIOCore
internal import NIOHTTP1

/// One connection to a control socket: reads one request, asks the shard, writes the answer, closes. Or follows the
/// events, until the caller has enough.
final class ControlConversation: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        case waitHead
        case waitBody(ControlRoute, ByteBuffer)
        /// The shard was asked.
        case waitReply(ControlRoute)
        case streaming(EventStream)
        /// An answer is on its way; what else comes is not read.
        case answered
    }

    private var state = State.waitHead
    /// Not with HEAD.
    private var wantsBody = true
    private var requester: Requester?
    /// Whoever may not use this socket is told so, and nothing else.
    private var isStranger = false
    private var timers: [Scheduled<Void>] = []
    private var context: ChannelHandlerContext?
    private let mailbox: Mailbox<ShardMessage>
    private let limits: ControlSocket.Limits
    private let door: ControlDoor
    private let hub: EventHub

    init(mailbox: Mailbox<ShardMessage>, limits: ControlSocket.Limits, door: ControlDoor, hub: EventHub) {
        self.mailbox = mailbox
        self.limits = limits
        self.door = door
        self.hub = hub
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        let peer = SocketPeer(of: context.channel)
        requester = peer?.requester
        isStranger = !door.authority.admits(peer)
        let eventLoop = context.eventLoop.assumeIsolated()
        timers = [
            eventLoop.scheduleTask(in: TimeAmount(limits.requestTime)) { self.giveUpWaiting() },
            eventLoop.scheduleTask(in: TimeAmount(limits.connectionTime)) { self.context?.close(promise: nil) },
        ]
        if isStranger {
            door.refusals.count(requester)
            // They have few places of their own, to hear why.
            if door.strangers.enter() > limits.strangers { context.close(promise: nil) }
        } else if door.connections.enter() > limits.connections {
            answer(ControlResponse(.tooMany))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if isStranger { door.strangers.leave() } else { door.connections.leave() }
        cancelTimers()
        if case .streaming(let stream) = state {
            hub.remove(stream)
            door.streams.leave()
        }
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
        switch (state, error) {
        case (.streaming, _): context.close(promise: nil)
        case (_, let refusal as ControlRefusal): answer(ControlResponse(refusal))
        case (_, is HTTPParserError): answer(ControlResponse(.malformed))
        case _: context.close(promise: nil)
        }
    }

    private func next(after part: HTTPServerRequestPart) throws(ControlRefusal) -> State {
        switch (state, part) {
        case (.waitHead, .head(let head)):
            return try begin(head)
        case (.waitBody(let route, var body), .body(var more)):
            guard body.readableBytes + more.readableBytes <= limits.bodyBytes else { throw .tooLarge }
            body.writeBuffer(&more)
            return .waitBody(route, body)
        case (.waitBody(.events(let filter), _), .end):
            return try follow(filter)
        case (.waitBody(let route, let body), .end):
            guard let request = try route.request(body: Array(body.readableBytesView), from: requester),
                ask(request, on: route)
            else { throw .busy }
            return .waitReply(route)
        case (.streaming, _):
            // Whoever follows the events has nothing more to say.
            context?.close(promise: nil)
            return state
        case (let state, _):
            // A second request on the connection, or the rest of one that is answered already.
            return state
        }
    }

    private func begin(_ head: HTTPRequestHead) throws(ControlRefusal) -> State {
        guard !isStranger else { throw .notForThisPeer(door.authority.groupName) }
        guard head.headers.count <= limits.headers else { throw .tooManyHeaders }
        if head.method == .OPTIONS {
            let methods = ControlRoute.methods(at: head.uri)
            if !methods.isEmpty {
                answer(ControlResponse(allowing: methods))
                return .answered
            }
        }
        wantsBody = head.method != .HEAD
        if let length = head.headers.first(name: "content-length").flatMap({ Int($0) }), length > limits.bodyBytes {
            throw .tooLarge
        }
        let route = try ControlRoute(method: head.method.rawValue, path: head.uri)
        guard door.access.includes(route.endpoint.access) else { throw .readsOnly(door.administrativePath) }
        return .waitBody(route, ByteBuffer())
    }

    private func ask(_ request: ControlRequest, on route: ControlRoute) -> Bool {
        guard let eventLoop = context?.eventLoop else { return false }
        let conversation = NIOLoopBound(self, eventLoop: eventLoop)
        return mailbox.post(
            .request(request) { reply in
                // The shard's thread only passes it on: writing ten thousand calls as JSON takes its time.
                eventLoop.execute { conversation.value.answer(reply, on: route) }
            }
        )
    }

    private func answer(_ reply: ControlReply, on route: ControlRoute) {
        // Whoever left needs no JSON.
        guard case .waitReply = state else { return }
        answer(ControlResponse(reply, on: route))
    }

    private func giveUpWaiting() {
        switch state {
        case .waitHead, .waitBody: answer(ControlResponse(.tooSlow))
        // Reading long files takes its time; the whole connection has an end, too.
        case .waitReply(.reload): break
        case .waitReply: answer(ControlResponse(.busy))
        case .streaming, .answered: break
        }
    }

    /// Begins the stream; from now on ``EventStream`` looks after the connection's time.
    private func follow(_ filter: EventFilter) throws(ControlRefusal) -> State {
        guard let context else { return .answered }
        guard door.streams.enter() <= limits.streams else {
            door.streams.leave()
            throw .tooManyListeners
        }
        let head = HTTPResponseHead(
            version: .http1_1,
            status: .ok,
            headers: ["content-type": "application/x-ndjson", "cache-control": "no-store", "connection": "close"]
        )
        guard wantsBody else {
            door.streams.leave()
            state = .answered
            finish(head, ByteBuffer())
            return state
        }
        cancelTimers()
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        let stream = EventStream(filter: filter, limits: limits, context: context)
        // Known before the first byte is written: if the caller has left, the channel ends within that.
        state = .streaming(stream)
        hub.add(stream)
        return state
    }

    private func cancelTimers() {
        for timer in timers { timer.cancel() }
        timers = []
    }

    /// Writes the one answer of this connection, then closes it.
    private func answer(_ response: ControlResponse) {
        switch state {
        case .answered, .streaming: return
        case .waitHead, .waitBody, .waitReply: state = .answered
        }
        let count = wantsBody ? response.body.count : 0
        guard door.answers.take(count) else {
            let refusal = ControlResponse(.fullOfAnswers)
            finish(head(of: refusal), ByteBuffer(bytes: refusal.body))
            return
        }
        let budget = door.answers
        finish(head(of: response), wantsBody ? ByteBuffer(bytes: response.body) : ByteBuffer()) {
            budget.giveBack(count)
        }
    }

    private func head(of response: ControlResponse) -> HTTPResponseHead {
        var headers: HTTPHeaders = ["connection": "close"]
        if response.status != 204 {
            headers.add(name: "content-type", value: response.mediaType)
            headers.add(name: "content-length", value: String(response.body.count))
        }
        if !response.allowed.isEmpty {
            headers.add(name: "allow", value: response.allowed.joined(separator: ", "))
        }
        return HTTPResponseHead(
            version: .http1_1,
            status: HTTPResponseStatus(statusCode: response.status),
            headers: headers
        )
    }

    /// - Parameter whenGone: Called once, when nothing of it takes memory any more.
    private func finish(_ head: HTTPResponseHead, _ body: ByteBuffer, whenGone: @escaping () -> Void = {}) {
        guard let context else { return whenGone() }
        // What else comes stays with whoever sends it.
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if body.readableBytes > 0 { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { _ in
            whenGone()
            self.context?.close(promise: nil)
        }
    }
}
