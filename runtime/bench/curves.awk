# Draws each column of a CSV over the first one, as a curve of an SVG:
#
#	awk -F, -f curves.awk FILE.csv >FILE.svg

# round returns a round number that is not less than v.
function round(v,  unit) {
	for (unit = 1; unit * 10 < v; unit *= 10);
	return v <= unit ? unit : v <= 2 * unit ? 2 * unit : v <= 5 * unit ? 5 * unit : 10 * unit
}

function text(x, y, anchor, what) {
	printf "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, what
}

function curve(i, top,  high, k, f) {
	high = round(most[i])
	text(left, top - 8, "start", name[i] ": at most " most[i] ", at last " value[rows, i])
	for (f = 0; f <= 1; f += 0.5) {
		printf "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>\n", left, left + width, top + height * f, top + height * f
		text(left - 6, top + height * f + 4, "end", high * (1 - f))
	}
	printf "<polyline fill=\"none\" stroke=\"#1f5fbf\" stroke-width=\"1.5\" points=\""
	for (k = 1; k <= rows; k++)
		printf "%.1f,%.1f ", left + width * value[k, 1] / end, top + height * (1 - value[k, i] / high)
	print "\"/>"
	text(left, top + height + 16, "start", 0)
	text(left + width, top + height + 16, "end", end " " name[1])
}

NR == 1 {
	columns = NF
	for (i = 1; i <= NF; i++) name[i] = $i
	next
}

{
	rows++
	for (i = 1; i <= columns; i++) {
		value[rows, i] = $i
		if ($i + 0 > most[i] + 0) most[i] = $i
	}
}

END {
	left = 90; width = 800; height = 150; room = 210
	end = most[1] > 0 ? most[1] : 1
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n", left + width + 30, room * (columns - 1) + 10
	print "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
	for (i = 2; i <= columns; i++) curve(i, room * (i - 2) + 35)
	print "</svg>"
}
