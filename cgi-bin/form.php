<?php
// A form in PHP: GET, POST and file upload
// shows: PHP takes the body apart before your first line runs; start with --interpreter .php=php-cgi
// §: RFC 3875 §4.1.7, §4.2
// try: curl -F name=Ada -F file=@README.md localhost:8000/cgi-bin/form.php
header('Content-Type: text/html; charset=utf-8');
function html(string $text): string { return htmlspecialchars($text, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8'); }
function row(string $name, $value): void {
    $text = is_array($value) ? implode(', ', array_filter($value, 'is_string')) : (string) $value;
    echo '<tr><th scope="row">', html($name), '</th><td>', html($text), "</td></tr>\n";
}
?>
<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/style.css"><title>Form</title><main class="plain"><h1>What came in</h1>
<p><?= html($_SERVER['REQUEST_METHOD'] ?? 'GET') ?>, <?= (int) ($_SERVER['CONTENT_LENGTH'] ?? 0) ?> bytes on stdin</p>
<table>
<?php
foreach ($_GET + $_POST as $name => $value) row((string) $name, $value);
foreach ($_FILES as $name => $file) {
    if (is_string($file['name'])) row((string) $name, "{$file['name']}: {$file['size']} bytes, {$file['type']}");
}
?>
</table><p><a href="/form.html">To the form</a></p></main>
