package io.github.pinterestpipeline.cluster;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeoutException;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.python.Py4JServer;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.runtime.StreamExecution;

/**
 * A cluster: one JVM with one SparkContext, to which Python processes attach, each with sessions of its own.
 *
 * <p>The Databricks service starts it with spark-submit, and speaks with it in lines. On standard input: {@code attach
 * NAME} and {@code detach NAME}; the end of the input ends the JVM. On standard output, as JSON: {@code ready} with the
 * address of Spark's UI, {@code attached} with the port and the secret for pyspark's gateway, and {@code detached}, both
 * with the name. All other output goes to standard error.
 *
 * <p>Each process has a Py4J server of its own, since one server calls back into one Python only ({@code foreachBatch}).
 * The threads of its connections inherit its first session and its job tag from the thread that starts the server, and
 * so do the queries and jobs that they start: that is how they are found and ended when the process detaches.
 */
public final class Cluster {
    private static final String TAG = "attached-";
    private static final Map<String, Attached> ATTACHED = new ConcurrentHashMap<>();
    private static final long EXIT_MILLIS = 5000;
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final PrintStream REPLIES = System.out;
    private static SparkSession first;

    /** A Python process: its Py4J server and its sessions. */
    private record Attached(Py4JServer server, List<SparkSession> sessions) {}

    private Cluster() {}

    /** Starts the context and serves until the input ends. */
    public static void main(String[] arguments) throws IOException {
        System.setOut(System.err);
        first = (SparkSession) SparkSession.builder().getOrCreate();
        reply(Map.of("ready", first.sparkContext().uiWebUrl().getOrElse(() -> "")));
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            String name = line.substring(line.indexOf(' ') + 1);
            // In threads: a query that does not stop must not keep others from attaching.
            boolean attaches = line.startsWith("attach ");
            new Thread(() -> answer(attaches, name), line).start();
        }
        // Spark's shutdown hooks remove its files; one that waits for a process must not keep the JVM.
        Thread limit = new Thread(() -> halt());
        limit.setDaemon(true);
        limit.start();
        System.exit(0);
    }

    /** The shared context. */
    public static JavaSparkContext context() {
        return JavaSparkContext.fromSparkContext(first.sparkContext());
    }

    /** A new session of an attached process. */
    public static SparkSession newSession(String name) {
        SparkSession session = first.newSession();
        ATTACHED.get(name).sessions.add(session);
        return session;
    }

    /** Ends the queries and jobs of an attached process. */
    public static void cancel(String name) {
        List<SparkSession> sessions = ATTACHED.get(name).sessions;
        for (StreamExecution query : Set.copyOf(first.sharedState().activeStreamingQueries().values())) {
            if (sessions.contains(query.sparkSession())) {
                try {
                    query.stop();
                } catch (TimeoutException error) {
                    System.err.println("a streaming query of " + name + " has not stopped: " + error);
                }
            }
        }
        cancelJobs(name);
    }

    /** Ends the jobs of an attached process. */
    public static void cancelJobs(String name) {
        first.sparkContext().cancelJobsWithTag(TAG + name, "cancelled by its process, or because that has ended");
    }

    private static void answer(boolean attaches, String name) {
        try {
            reply(attaches ? attach(name) : detach(name));
        } catch (RuntimeException error) {
            reply(Map.of(attaches ? "attached" : "detached", name, "error", error.toString()));
        }
    }

    private static Map<String, Object> attach(String name) {
        SparkSession session = first.newSession();
        SparkSession.setActiveSession(session);
        first.sparkContext().addJobTag(TAG + name);
        Py4JServer server = new Py4JServer(first.sparkContext().conf()); // which starts its thread
        ATTACHED.put(name, new Attached(server, new CopyOnWriteArrayList<>(List.of(session))));
        return Map.of("attached", name, "port", server.getListeningPort(), "secret", server.secret());
    }

    private static Map<String, Object> detach(String name) {
        ATTACHED.get(name).server.shutdown();
        cancel(name);
        ATTACHED.remove(name);
        if (ATTACHED.isEmpty()) {
            System.gc(); // an idle JVM should hold little memory
        }
        return Map.of("detached", name);
    }

    private static void halt() {
        try {
            Thread.sleep(EXIT_MILLIS);
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
        }
        Runtime.getRuntime().halt(0);
    }

    private static synchronized void reply(Map<String, Object> message) {
        try {
            REPLIES.println(JSON.writeValueAsString(message));
        } catch (IOException error) {
            throw new IllegalStateException(error);
        }
    }
}
