import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeoutException;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Asks a model over Kafka and prints its answer.
 *
 * <pre>
 * mvn dependency:copy-dependencies -DoutputDirectory=jars
 * java -cp 'jars/*' AskModel.java
 * </pre>
 *
 * Settings are those of the workers: KAFKA_BROKERS, SCHEMA_REGISTRY_URL, TOPIC_PREFIX.
 */
public class AskModel {
    static final String BROKERS = setting("KAFKA_BROKERS", "127.0.0.1:9092");
    static final String REGISTRY = setting("SCHEMA_REGISTRY_URL", "http://127.0.0.1:8081").replaceAll("/+$", "");
    static final String PREFIX = setting("TOPIC_PREFIX", "");
    static final Duration TIMEOUT = Duration.ofSeconds(60);
    static final HttpClient HTTP = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();

    public static void main(String[] arguments) throws Exception {
        String topic = PREFIX + "model.requests";
        JsonNode latest = registry("/subjects/" + topic + "-value/versions/latest");
        Schema schema = new Schema.Parser().parse(latest.get("schema").asText());

        Schema chat = schema.getField("input").schema().getTypes().stream()
                .filter(type -> type.getName().equals("ChatInput")).findFirst().orElseThrow();
        Schema message = chat.getField("messages").schema().getElementType();
        Schema part = message.getField("content").schema().getElementType();
        GenericRecord text = new GenericRecordBuilder(part)
                .set("text", setting("PROMPT", "What is the capital of France?")).build();
        GenericRecord question = new GenericRecordBuilder(message)
                .set("role", new GenericData.EnumSymbol(message.getField("role").schema(), "USER"))
                .set("content", List.of(text)).build();
        GenericRecord request = new GenericRecordBuilder(schema)
                // The same id is the same request: asked again, by whomever, it is not paid for again.
                .set("requestId", setting("REQUEST_ID", UUID.randomUUID().toString()))
                .set("model", setting("MODEL", "quickstart-chat"))
                .set("input", new GenericRecordBuilder(chat).set("messages", List.of(question)).build())
                .build();

        GenericRecord completion = ask(topic, latest.get("id").asInt(), request);
        if (!completion.get("status").toString().equals("COMPLETED")) {
            System.err.println(completion.get("status") + ": " + completion.get("error"));
            System.exit(1);
        }
        System.out.println(((GenericRecord) completion.get("chat")).get("text"));
    }

    /** The completion of a request, whatever its status. */
    static GenericRecord ask(String topic, int schemaId, GenericRecord request) throws Exception {
        String replies = PREFIX + "model.replies";
        byte[] correlationId = UUID.randomUUID().toString().getBytes(StandardCharsets.UTF_8);
        Map<String, Object> reading = Map.of("bootstrap.servers", BROKERS, "isolation.level", "read_committed");
        Map<String, Object> writing = Map.of("bootstrap.servers", BROKERS, "acks", "all");
        try (var consumer = new KafkaConsumer<>(reading, new ByteArrayDeserializer(), new ByteArrayDeserializer());
                var producer = new KafkaProducer<>(writing, new ByteArraySerializer(), new ByteArraySerializer())) {
            // In no consumer group, and from the end on, which is asked for before the request is written: no answer is missed.
            List<TopicPartition> partitions = consumer.partitionsFor(replies).stream()
                    .map(info -> new TopicPartition(replies, info.partition())).toList();
            consumer.assign(partitions);
            consumer.seekToEnd(partitions);
            partitions.forEach(consumer::position);

            byte[] key = request.get("requestId").toString().getBytes(StandardCharsets.UTF_8);
            var record = new ProducerRecord<>(topic, key, encode(schemaId, request));
            record.headers().add("reply-topic", replies.getBytes(StandardCharsets.UTF_8));
            record.headers().add("correlation-id", correlationId);
            producer.send(record).get();

            long deadline = System.nanoTime() + TIMEOUT.toNanos();
            while (System.nanoTime() < deadline) {
                for (var reply : consumer.poll(Duration.ofSeconds(1))) {
                    var header = reply.headers().lastHeader("correlation-id");
                    if (header != null && Arrays.equals(header.value(), correlationId)) return decode(reply.value());
                }
            }
        }
        throw new TimeoutException("no completion within " + TIMEOUT + "; ask again under the same id");
    }

    /** Avro in Confluent wire format: a zero byte, four bytes with the schema id, the Avro bytes. */
    static byte[] encode(int schemaId, GenericRecord record) throws IOException {
        var bytes = new ByteArrayOutputStream();
        var head = new DataOutputStream(bytes);
        head.writeByte(0);
        head.writeInt(schemaId);
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(bytes, null);
        new GenericDatumWriter<GenericRecord>(record.getSchema()).write(record, encoder);
        return bytes.toByteArray();
    }

    static GenericRecord decode(byte[] value) throws Exception {
        int schemaId = ByteBuffer.wrap(value, 1, 4).getInt();
        Schema schema = new Schema.Parser().parse(registry("/schemas/ids/" + schemaId).get("schema").asText());
        var decoder = DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, null);
        return new GenericDatumReader<GenericRecord>(schema).read(null, decoder);
    }

    /** What the schema registry answers to a GET. */
    static JsonNode registry(String path) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(REGISTRY + path)).timeout(Duration.ofSeconds(10)).build();
        HttpResponse<String> response = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
        if (response.statusCode() != 200) throw new IOException("the schema registry answered " + response.statusCode());
        return new ObjectMapper().readTree(response.body());
    }

    static String setting(String name, String otherwise) {
        String value = System.getenv(name);
        return value == null || value.isEmpty() ? otherwise : value;
    }
}
